/** Pictures of the goods, drawn here: a room in two tones, and in it a thing in its colours. */

const chair = ({ colour: c, accent: a, shape }) =>
  [
    `<path d="M78 60q-4 46 2 66M142 60q4 46-2 66" stroke="${c}" stroke-width="8" fill="none"/>
     <rect x="76" y="58" width="68" height="26" rx="12" fill="${c}"/>
     <rect x="70" y="120" width="80" height="14" rx="7" fill="${a}"/>
     <path d="M78 134l-8 62M142 134l8 62M92 134l-2 56M128 134l2 56" stroke="${c}" stroke-width="7"/>`,
    `<path d="M84 54h52q8 0 10 8 5 36-2 70H76q-7-34-2-70 2-8 10-8z" fill="${a}"/>
     <path d="M56 104h22M142 104h22M58 104v92M162 104v92M58 136h104" stroke="${c}" stroke-width="9" fill="none"/>
     <rect x="66" y="124" width="88" height="18" rx="8" fill="${a}"/><path d="M66 142h88" stroke="#0003" stroke-width="3"/>`,
    `<ellipse cx="110" cy="104" rx="40" ry="11" fill="${a}"/><ellipse cx="110" cy="100" rx="40" ry="10" fill="${c}"/>
     <path d="M84 108l-16 88M136 108l16 88M110 112v84M76 160h68" stroke="${c}" stroke-width="7"/>`,
  ][shape];

const table = ({ colour: c, accent: a, shape }) =>
  [
    `<rect x="24" y="108" width="172" height="14" rx="3" fill="${c}"/><path d="M30 113h160M30 118h120" stroke="${a}" opacity=".5"/>
     <path d="M42 122l-6 74M178 122l6 74" stroke="${a}" stroke-width="11"/><path d="M44 132h132" stroke="${a}" stroke-width="6"/>
     <path d="M96 108v-14h16v14z" fill="#8fa9a0"/><path d="M104 94q-10-16-2-24m2 24q12-12 10-22" stroke="#5d8a6b" stroke-width="4" fill="none"/>`,
    `<ellipse cx="110" cy="126" rx="70" ry="17" fill="${a}"/><ellipse cx="110" cy="121" rx="70" ry="16" fill="${c}"/>
     <path d="M70 136l-12 60M150 136l12 60M110 142v54" stroke="${a}" stroke-width="9"/><rect x="92" y="106" width="34" height="8" rx="2" fill="#b9543f"/><rect x="95" y="99" width="30" height="7" rx="2" fill="#e6d3b1"/>`,
    `<rect x="30" y="104" width="160" height="12" rx="3" fill="${c}"/><rect x="46" y="116" width="128" height="18" fill="${c}" opacity=".75"/><circle cx="110" cy="125" r="3" fill="${a}"/>
     <path d="M40 116v80M180 116v80M40 178h140" stroke="${a}" stroke-width="6" fill="none"/>
     <rect x="130" y="74" width="40" height="28" rx="3" fill="${a}"/><path d="M150 102v3" stroke="${a}" stroke-width="8"/>`,
  ][shape];

const light = (x, y, r) => `<circle cx="${x}" cy="${y}" r="${r}" fill="#ffe9a8" opacity=".35"/><circle cx="${x}" cy="${y}" r="${r * 0.6}" fill="#fff3c9" opacity=".5"/>`;

const lamp = ({ colour: c, accent: a, shape }) =>
  [
    `${light(110, 88, 52)}<path d="M110 96v98" stroke="${a}" stroke-width="6"/><ellipse cx="110" cy="195" rx="30" ry="6" fill="${a}"/>
     <path d="M84 58h52l18 44H66z" fill="${c}"/>`,
    `${light(110, 140, 54)}<path d="M110 0v84" stroke="#0006" stroke-width="3"/><path d="M102 82h16v12h-16z" fill="${a}"/><path d="M56 132q4-42 54-42t54 42z" fill="${c}"/><ellipse cx="110" cy="132" rx="54" ry="8" fill="${a}"/>`,
    `${light(70, 112, 46)}<path d="M140 190l24-54-56-46" stroke="${a}" stroke-width="6" fill="none" stroke-linejoin="round"/><circle cx="164" cy="136" r="6" fill="${c}"/>
     <path d="M112 76l14 22-50 26q-10-22 6-34z" fill="${c}"/><rect x="112" y="188" width="60" height="8" rx="4" fill="${a}"/>`,
  ][shape];

const books = (x, y, colours) =>
  colours.map((colour, n) => `<rect x="${x + n * 9}" y="${y - 20 - ((n * 5) % 9)}" width="8" height="${20 + ((n * 5) % 9)}" fill="${colour}"/>`).join('');

const shelf = ({ colour: c, accent: a, shape }) =>
  [
    `<path d="M56 40v156M164 40v156" stroke="${c}" stroke-width="7"/>
     ${[70, 104, 138, 172].map((y) => `<rect x="50" y="${y}" width="120" height="6" fill="${c}"/>`).join('')}
     ${books(64, 70, [a, '#b9543f', '#e6d3b1', a])}${books(112, 104, ['#d9a441', a, '#35665a', '#e6d3b1', a])}${books(64, 138, ['#e6d3b1', '#35665a', '#b9543f'])}
     <circle cx="140" cy="128" r="10" fill="#5d8a6b"/><rect x="108" y="152" width="40" height="20" fill="${a}" opacity=".7"/>`,
    `${[[40, 140], [98, 140], [69, 84]].map(([x, y]) => `<rect x="${x}" y="${y}" width="56" height="54" fill="#0002" stroke="${c}" stroke-width="7"/>`).join('')}
     ${books(50, 190, [a, '#e6d3b1', '#b9543f'])}<circle cx="126" cy="180" r="11" fill="${a}"/><path d="M92 84q-8-20 4-32m0 32q12-10 12-28" stroke="#5d8a6b" stroke-width="5" fill="none"/>`,
    `<rect x="34" y="96" width="120" height="9" rx="2" fill="${c}"/><rect x="74" y="150" width="116" height="9" rx="2" fill="${c}"/>
     ${books(52, 96, [a, '#e6d3b1', '#35665a', a, '#d9a441'])}<path d="M150 150v-18h22v18z" fill="${a}"/><path d="M160 132q-12-16-2-30m4 30q14-10 12-26" stroke="#5d8a6b" stroke-width="5" fill="none"/>`,
  ][shape];

const rug = ({ colour: c, accent: a, shape }) =>
  [
    `<path d="M52 124h116l36 70H16z" fill="${c}"/>${[0.25, 0.5, 0.75].map((t) => `<path d="M${52 - 36 * t} ${124 + 70 * t}h${116 + 72 * t}" stroke="${a}" stroke-width="${3 + 4 * t}"/>`).join('')}`,
    `<ellipse cx="110" cy="160" rx="92" ry="36" fill="${c}"/><ellipse cx="110" cy="160" rx="62" ry="24" fill="${a}"/><ellipse cx="110" cy="160" rx="34" ry="13" fill="${c}"/>`,
    `<path d="M78 110h64l44 86H34z" fill="${c}"/><path d="M104 110q-26 20 6 38t-14 48M124 110q-16 20 14 38t0 48" stroke="${a}" stroke-width="6" fill="none"/>`,
  ][shape];

const DRAWN = { chairs: chair, tables: table, lamps: lamp, shelves: shelf, rugs: rug };

/** An inline SVG; it carries no information that the text beside it lacks. */
export function picture(product) {
  return `<svg class="picture" viewBox="0 0 220 220" preserveAspectRatio="xMidYMid slice" aria-hidden="true">
    <rect width="220" height="220" fill="${product.colour}" opacity=".16"/><path d="M0 172h220v48H0z" fill="${product.accent}" opacity=".2"/>
    <ellipse cx="110" cy="198" rx="80" ry="9" opacity=".12"/>${DRAWN[product.category](product)}</svg>`;
}

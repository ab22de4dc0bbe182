/**
 * Whether visitors may be known again. Until they say so, Footfall holds what it has seen in memory and sends
 * nothing (`data-consent="pending"` in the tag). A browser's Global Privacy Control is an answer, too.
 */
const CHOICE = 'tidewood.consent';
let kept;

function choice() {
  try {
    return localStorage.getItem(CHOICE) || kept;
  } catch {
    return kept;
  }
}

function choose(said) {
  kept = said;
  try {
    localStorage.setItem(CHOICE, said);
  } catch {
    // for this page at least
  }
  footfall('consent', said);
  document.getElementById('consent')?.remove();
}

function ask() {
  if (document.getElementById('consent')) return;
  document.body.insertAdjacentHTML(
    'beforeend',
    `<section id="consent" aria-label="Privacy"><p><b>May we know you again?</b> If yes, your browser keeps a number for a year.
      If no, your visit is counted for today only, and nothing is kept. Until you choose, nothing is sent.</p>
      <p class="row"><button class="button" type="button" id="grant">Yes, you may</button>
      <button class="plain" type="button" id="deny">No</button></p></section>`,
  );
  document.getElementById('grant').onclick = () => choose('granted');
  document.getElementById('deny').onclick = () => choose('denied');
}

/** `anew`: the visitor wants to choose again. */
export function consent(anew) {
  if (navigator.globalPrivacyControl) footfall('consent', 'denied');
  else if (anew || !choice()) ask();
  else footfall('consent', choice());
}

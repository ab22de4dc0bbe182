"""A page that has secrets wherever a page can have them."""

from __future__ import annotations

# Of kinds that are masked wherever they stand.
MASKED = (
    "ann.lee@example.net",
    "4111 1111 1111 1111",
    "+49 30 1234567890",
    "tok3n9a8b7c6d5e4f3g2h1i0",
    "555-010-9999",
)
# Nobody can know these: they stand in fields, and in what is private.
TYPED = "Zyxwvut Quist"
PRIVATE = "Quibble Nonesuch"
# Of both, what may be nowhere on the wire, however it was written: a part that no mask leaves over.
NOWHERE = (
    "ann.lee", "example.net", "4111 1111", "30 1234", "1234567890", "tok3n", "555-010", "010-9999",
    "Zyxwvut", "Quist", "Quibble", "Nonesuch",
)  # fmt: skip

MAIL, CARD, PHONE, TOKEN, CALL = MASKED
ADDRESS = f"of/{MAIL}/{TOKEN}?utm_term={MAIL}&q={MAIL}&token={TOKEN}&gclid={TOKEN}#{TOKEN}"

FIELDS = "".join(
    f'<label>{kind} of {MAIL}<input type="{kind}" name="field-{kind}" alt="{TYPED}" value="{value}"></label>'
    for kind, value in [
        *(
            (kind, TYPED)
            for kind in ("text", "password", "search", "submit", "button", "reset", "checkbox", "radio")
        ),
        ("email", MAIL),
        ("tel", PHONE),
        ("url", "http://a.example/Zyxwvut"),
    ]
)

BODY = f"""
<h1>For {MAIL}</h1>
<form id="form-{MAIL}" name="{MAIL}" action="/of/{TOKEN}" data-footfall-event="sent"
    data-footfall-prop-who="{MAIL}" data-footfall-prop-card="{CARD}">
  {FIELDS}
  <input name="{MAIL}" aria-label="{TYPED}">
  <textarea name=note>{TYPED}</textarea>
  <select name=choice><option value="{TYPED}">{TYPED}</option><option selected>{PRIVATE}</option></select>
  <div contenteditable>{TYPED}</div>
  <button>Pay with {CARD}</button>
</form>
<button id="b-{TOKEN}" role="button {MAIL}" aria-label="Call {PHONE}"></button>
<button data-footfall-event="call {CALL}" data-footfall-prop-number="{CALL}">Call {CALL}</button>
<button><span hidden>{PRIVATE}</span><i>Key</i> {TOKEN}</button>
<a href="mailto:{MAIL}">{MAIL}</a> <a href="tel:{PHONE}">{PHONE}</a> <a href="javascript:void('{TOKEN}')">run</a>
<a href="https://{MAIL.replace("@", ":")}@other.example/{MAIL}/x.pdf?k={TOKEN}#{TOKEN}">out</a>
<a href="/of/{TOKEN}?utm_source={MAIL}" title="{MAIL}">in</a>
<section data-footfall-private><button aria-label="{PRIVATE}">{PRIVATE}</button>
  <a href="/{PRIVATE}">{PRIVATE}</a><article data-footfall-item-id="{PRIVATE}">{PRIVATE}</article></section>
<article data-footfall-item-id="lamp" data-footfall-item-name="Lamp of {MAIL}"
  data-footfall-item-brand="{CARD}">Lamp</article>
<img src="/missing/{TOKEN}.png?of={MAIL}" alt="{MAIL}">
<p data-footfall-results="3">{CALL}</p>
<script>
addEventListener('click', event => event.target.closest('a') && event.preventDefault());
addEventListener('submit', event => event.preventDefault());
const fail = () => {{
  setTimeout(() => {{ throw new Error('of {MAIL} at https://a.example/x?k={TOKEN}') }});
  Promise.reject('card {CARD}');
}};
</script>
"""

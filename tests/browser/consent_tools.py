"""Consent tools that only their makers serve, imitated for the samples of docs/recipes.md."""

# What tools call and tell, as their documentation describes it, in three states: no answer yet, yes, no.
TOOLS = {
    "TCF": [
        "purposes('cmpuishown', {})",
        "purposes('useractioncomplete', { 1: true, 8: true })",
        "purposes('useractioncomplete', { 1: true })",
    ],
    "Google Consent Mode": [
        "",
        "gtag('consent', 'update', { analytics_storage: 'granted' })",
        "gtag('consent', 'update', { analytics_storage: 'denied' })",
    ],
    "Cookiebot": [
        "",
        "window.Cookiebot = { consent: { statistics: true } }; dispatchEvent(new Event('CookiebotOnAccept'))",
        "window.Cookiebot = { consent: { statistics: false } }; dispatchEvent(new Event('CookiebotOnDecline'))",
    ],
    "OneTrust": [
        "groups(false, ['C0001', 'C0002'])",
        "groups(true, ['C0001', 'C0002'])",
        "groups(true, ['C0001'])",
    ],
    "Usercentrics": [
        "status({ type: 'implicit', Footfall: true })",
        "status({ type: 'explicit', Footfall: true })",
        "status({ type: 'EXPLICIT', Footfall: false })",
    ],
    "Klaro": [
        "klaroConfig.services[0].onDecline({ confirmed: false })",
        "klaroConfig.services[0].onAccept({ confirmed: true })",
        "klaroConfig.services[0].onDecline({ confirmed: true })",
    ],
}
TOOLS_THEMSELVES = """<script>
  function __tcfapi(command, version, then) { window.told = then; }
  function purposes(eventStatus, consents) {
    told({ eventStatus, gdprApplies: true, purpose: { consents } }, true);
  }
  function groups(closed, detail) {
    window.OneTrust = { IsAlertBoxClosed: () => closed };
    dispatchEvent(new CustomEvent('OneTrustGroupsUpdated', { detail }));
  }
  function status(detail) {
    dispatchEvent(new CustomEvent('ucEvent', { detail: { event: 'consent_status', ...detail } }));
  }
</script>"""

"""`footfall micro`: the gateway with nothing behind it but memory, and questions about what came in.

For the tests of sites. It is the real `ingest_gateway.app.Gateway`; made up are only its sites
(`micro.sites`) and its log (`micro.log`).
"""

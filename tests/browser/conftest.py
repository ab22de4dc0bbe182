from tests.browser.world import site

__all__ = ["site"]

"""What is measured: each measure is one SQL file in `queries/sql`, for boards, API and console alike.

`queries.catalogue` reads them, `queries.store` asks the store.
"""

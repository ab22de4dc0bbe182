"""Makes the bucket of FOOTFALL_OBJECTS_BUCKET where there is none; Footfall itself never makes buckets."""

import os
from urllib.parse import urlsplit

from minio import Minio

endpoint = urlsplit(os.environ["FOOTFALL_OBJECTS_ENDPOINT"])
bucket = os.environ["FOOTFALL_OBJECTS_BUCKET"]
store = Minio(
    endpoint.netloc,
    access_key=os.environ["FOOTFALL_OBJECTS_ACCESS_KEY"],
    secret_key=os.environ["FOOTFALL_OBJECTS_SECRET_KEY"],
    secure=endpoint.scheme == "https",
)
if not store.bucket_exists(bucket):
    store.make_bucket(bucket)

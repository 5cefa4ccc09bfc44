"""Object stores (S3, Google Cloud Storage, Azure Blob Storage): prefixes are folders of traces.

The packages are the extra `objects`; nothing of them is imported before such an address is used.
"""

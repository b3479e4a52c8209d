"""Many trainings at once, in processes or on a Dask cluster: what `minidl compare` and `minidl search` share."""

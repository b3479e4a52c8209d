"""The arguments of each verb, apart from what it does: --help waits for neither NumPy nor anything else of minidl."""

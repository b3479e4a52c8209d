"""minidl beside other frameworks, all in turn in one go; see README.md."""

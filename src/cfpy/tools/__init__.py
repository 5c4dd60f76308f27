"""What everything else works with: processes, Node, git, files, HTTP."""

"""One module per subcommand of `cpm-edu`; each has `add_arguments(parser)` and `run(options)`."""

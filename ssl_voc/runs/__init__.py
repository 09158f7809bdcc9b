"""What every command shares and no model knows: flags, run folder, progress, plots.

Nothing is imported here: a command that prints its help must not pay for Keras or
matplotlib. Import the module that you need, as in
`from ssl_voc.runs.run_folder import RunFolder`.
"""

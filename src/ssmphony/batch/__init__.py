"""Many texts to many files: reading a job file, doing one job, collecting what was done.

job file ──read_jobs──▶ jobs ──run_batch (an engine of `ssmphony.parallel`)──▶ audio files, manifest.jsonl
"""

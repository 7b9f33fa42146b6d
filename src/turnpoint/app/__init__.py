"""The web app and its store: shows what the workflows compute, keeps what people enter, and computes nothing itself.

configuration   what a server is told: where its data are, who may come in
models          the store: studies, patients, rows as they were written, and the trail of every change
store           what may be done to it, each in one transaction with its line of the trail
backup          the whole store as one file, and back
trail           the trail: a chain of hashes that `turnpoint audit verify` checks
cells           text that no cell may hold
intake          files of any supported kind, read in a process of its own with limits
studies         the rows of a patient as the study that the workflows read
pictures        the picture of a patient, computed once for what is known and kept
assessor        what every patient's line of the list says, worked out beside the server
api             JSON, under /api/v1
pages           HTML of the clinic's desk; `cohort`, `new_patient` and `tour` beside it
notebook        HTML of the patient's notebook; `notebook_forms` reads what they write
links           a patient's own link to their notebook at the desk; `link_pages` shows it, `patient_urls` is its reach
words           the tables' names as people read them, and what terms mean; `plain_words` those of the notebook
shell           what stands around every page
gate            who comes in: token, session, host, origin
team            how a team signs in: what `turnpoint.toml` says
sign_in         who signed in with the team's provider, and as what
wrong           what is said when something goes wrong
server          all of it behind one address
"""

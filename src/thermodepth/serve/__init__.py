"""A web page and a small HTTP API: a thermal frame in, depth out. Needs the extra `serve`.

app.py              what is served: gate, limits, routes and the files of the page
gate.py             is a request meant for this server, and does it come from its own page?
limits.py           how much may be asked, by whom, at once
api.py              the routes
recordings.py       uploads that are kept for a while
decoding.py         uploads become frames in a child process; decoding_child.py is what runs there
answers.py          a result as files and numbers
samples.py          frames of the shipped pack to try it with
page/               the page itself: plain HTML, CSS and modules, nothing from outside
"""

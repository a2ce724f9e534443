"""The first import of the server that the processes of a worker are forked from.

From then on it ends with the worker, also in the midst of importing the rest, which takes seconds.
"""

from forecast.jobs.processes import end_with_owner

end_with_owner()

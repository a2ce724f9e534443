"""Tests, in the folders of the code.

``forecast/<package>/<module>.py`` is tested in ``tests/<package>/test_<module>.py``,
or in files whose names begin so; what has no file of its own, in that of the module which uses it.

Every family of models is held to one contract in ``forecasters/test_families.py``, the whole of the API to its
document in ``service/test_openapi.py``. ``house/`` is about the repository (style, README, deployment, bundled data),
``system/`` goes from a user's file or page to the answer, ``support/`` is what tests share.
"""

"""Jobs: work that is asked of the worker, and how far it is; nothing of it is done here."""

from __future__ import annotations

from flask import Response
from flask_openapi.blueprint import APIBlueprint

from forecast.answers.jobs import JobFacts, JobList, job_facts, job_list
from forecast.catalog import Catalog
from forecast.catalog.job_requests import JobName
from forecast.errors import Fault, ForecastError, InvalidInput
from service.answers import now_answer, respond
from service.context import Context
from service.describe import KEY_NEEDED, answers, asked, group, writes
from service.paging import Key, ListPage
from service.schemas import JobPath, NoQuery, PagedQuery
from service.write_bodies import JobBody, json_object
from service.writes import Written, write


def routes(context: Context) -> APIBlueprint:
    api = group("jobs")

    @api.post("/jobs", security=KEY_NEEDED, request_body=asked(JobBody), responses=writes(JobFacts, status=202))
    def ask_for_job(query: NoQuery) -> Response:
        """Ask the worker to fetch, train and publish; what is asked for already and has not begun is that job."""
        body = JobBody.model_validate(json_object())
        names = _trained(context.catalog, body)

        def ask(catalog: Catalog, _: str) -> Written:
            job = catalog.job_requests.request(body.job, names, context.clock())
            return Written(job_facts(catalog, job, context.clock()), 202, {"Location": f"/v1/jobs/{job.job_id}"})

        return write(context, ask)

    @api.get("/jobs", security=KEY_NEEDED, responses=answers(JobList, csv=True))
    def list_jobs(query: PagedQuery) -> Response:
        """Every job that was asked for, the newest first."""
        page = ListPage(query)
        chosen = page.of(
            context.catalog.job_requests.all(), lambda job: (job.requested.isoformat(), job.job_id), _follows
        )
        return respond(page.with_next(job_list(context.catalog, chosen, context.clock())), query.format, "jobs")

    @api.get("/jobs/<job_id>", security=KEY_NEEDED, responses=answers(JobFacts))
    def get_job(path: JobPath, query: NoQuery) -> Response:
        """One job: its state, what is done of it, and what failed."""
        job = context.catalog.job_requests.get(path.job_id)
        return now_answer(job_facts(context.catalog, job, context.clock()).json_object())

    return api


def _trained(catalog: Catalog, body: JobBody) -> tuple[str, ...]:
    """The series that are named, each of which can be trained. Raises ``InvalidInput``."""
    names, faults = tuple(body.series_id or ()), []
    if names and body.job is not JobName.RETRAIN:
        faults.append(Fault("body.series_id", list(names), f"nothing, for an {body.job} is of all that is due"))
    for i, name in enumerate(names):
        try:
            if not catalog.get(name).is_trained:
                faults.append(Fault(f"body.series_id.{i}", name, "a target, or evidence of what events do"))
        except ForecastError as error:
            faults.append(Fault(f"body.series_id.{i}", name, f"a series that is trained: {error}"))
    if faults:
        raise InvalidInput(faults)
    return names


def _follows(key: Key, last: Key) -> bool:
    """The newest first."""
    return key < last

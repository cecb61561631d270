"""A patient's questions to the doctor over REST: asked, listed, answered, marked as seen."""

from __future__ import annotations

from handlers.api.schemas import AskBody, NothingBody, PatientQuestionView, QuestionAnswerBody, QuestionsQuery
from handlers.base.api_handler import ApiHandler
from handlers.base.cursors import cut_page, page, read_time_cursor, write_time_cursor
from hospital_rt.web.operation import Operation
from models.services.questions.ask_doctor import ask_doctor, settle_question
from models.visibility import own_question, questions_filter, readable_step


class QuestionsHandler(ApiHandler):
    @Operation(
        allow="non_admin",
        responses={200: PatientQuestionView},
        problems=("not-found",),
        paginated=True,
        feed=True,
        audit="questions.listed",
    )
    async def get(self, query: QuestionsQuery) -> None:
        """Questions, the newest first: a patient's own; those asked of a doctor by patients of now."""
        before = read_time_cursor(query.cursor, str)
        wanted = await questions_filter(self.store, self.who, query.patient_id)
        if query.state != "all":
            wanted["state"] = query.state
        questions = await self.store.patient_questions.page(wanted, before=before, limit=query.limit + 1)
        shown, following = cut_page(questions, query.limit, lambda last: write_time_cursor(last.asked_at, last.id))
        await self.audit_read(of=[one.patient_id for one in shown] or [self.who.id])
        self.respond(page([one.as_json() for one in shown], following))

    @Operation(
        allow="patient",
        responses={200: PatientQuestionView, 201: PatientQuestionView},
        problems=("not-found", "not-assigned", "rate-limited", "conflict"),
        audit="question.asked",
    )
    async def post(self, body: AskBody) -> None:
        """Ask your doctor about a step, in up to 500 characters: three a step and ten in all within a day.

        It is not for emergencies: questions are not monitored. The same text again, while open, is the same question.
        """
        step, _ = await readable_step(self.store, self.who, body.step_id)
        done = await ask_doctor(
            self.store, patient_id=self.who.id, step_id=step.id, text=body.text, now=self.now(), actor=self.actor
        )
        await self.announce(done.users)
        self.respond(done.question.as_json(), status=201 if done.is_new else 200)


class _SettleHandler(ApiHandler):
    async def settle(self, question_id: str, *, answer: str | None) -> None:
        question = await own_question(self.store, self.who, question_id)
        done = await settle_question(self.store, question, answer=answer, now=self.now(), actor=self.actor)
        await self.announce(done.users)
        self.respond(done.question.as_json())


class AnswerQuestionHandler(_SettleHandler):
    @Operation(
        allow="doctor",
        responses={200: PatientQuestionView},
        problems=("not-found", "conflict"),
        audit="question.answered",
    )
    async def post(self, question_id: str, body: QuestionAnswerBody) -> None:
        """Answer a patient's question, once. The same answer again is the same answer."""
        await self.settle(question_id, answer=body.text)


class SeenQuestionHandler(_SettleHandler):
    @Operation(
        allow="doctor",
        body_optional=True,
        responses={200: PatientQuestionView},
        problems=("not-found", "conflict"),
        audit="question.seen",
    )
    async def post(self, question_id: str, body: NothingBody) -> None:
        """Mark a patient's question as seen, without an answer. Again is the same answer."""
        await self.settle(question_id, answer=None)

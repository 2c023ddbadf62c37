"""The server of the Account Engagement emulator: token, business unit, limits, and the objects."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import chain
from zoneinfo import ZoneInfo

from destinations.account_engagement.emulator import imports
from destinations.account_engagement.emulator.answers import Refusal, fields_asked
from destinations.account_engagement.emulator.oauth import OAuth
from destinations.account_engagement.emulator.objects import Objects
from destinations.account_engagement.emulator.prospects import Prospects
from destinations.account_engagement.emulator.query import Pages
from destinations.account_engagement.emulator.store import COLLECTIONS, Store
from transformer.clock import Clock, SystemClock
from transformer.emulator.server import Answer, Call, Emulator, Handler, json_answer

API = "/api/v5"
TOKEN_PATH = "/services/oauth2/token"  # noqa: S105 - a path
CONNECTOR = "connector@example.com"
CONCURRENT = 5
STALE_READS, EXPIRE_TOKENS, SPEND_DAY, TOO_MANY, CODE = (
    "stale_reads", "expire_tokens", "spend_day", "concurrent_limit", "code",
)  # fmt: skip
ACCOUNT_FIELDS = ("id", "company", "level", "maximumDailyApiCalls", "apiCallsUsed")


class AccountEngagementEmulator(Emulator):
    """One business unit over HTTP; `build` says how it is made.

    Tests fill it through `prospects` and `objects`; `forbidden` holds the collections that the
    user may not touch. `peak` is the most requests there were at once.
    """

    vendor_faults = (STALE_READS, EXPIRE_TOKENS, SPEND_DAY, TOO_MANY, CODE, *imports.FAULTS)
    secret_paths = (TOKEN_PATH,)

    def __init__(
        self,
        *,
        oauth: OAuth,
        business_unit_id: str,
        demo: bool,
        several_per_email: bool,
        daily_calls: int,
        time_zone: str,
        limit_status: int,
        reports_usage: bool,
        seed: int,
        clock: Clock | None,
        log_requests: int,
    ) -> None:
        kit_clock = clock or SystemClock()
        self.oauth = oauth
        self.business_unit_id = business_unit_id
        self.demo = demo
        self.daily_calls = daily_calls
        self.used = 0
        self.forbidden: set[str] = set()
        self.peak = self.at_once = self.refused_at_once = 0
        self._zone = ZoneInfo(time_zone)
        self._limit_status = limit_status
        self._reports_usage = reports_usage
        self.store = Store(kit_clock)
        pages = Pages()
        self.prospects = Prospects(self.store, pages, several=several_per_email)
        self.objects = Objects(self.store, pages)
        self.imports = imports.Imports(self.store, self.prospects)
        super().__init__(seed=seed, clock=kit_clock, log_requests=log_requests)
        self._day = self._today()

    def routes(self) -> Iterable[tuple[str, str, Handler]]:
        """The token endpoint, the account and every collection."""
        yield "POST", TOKEN_PATH, self._token
        yield "GET", f"{API}/objects/account", self._account
        parts = (self.prospects.routes(), self.objects.routes(), self.imports.routes())
        yield from chain.from_iterable(parts)

    def connection_settings(self) -> Mapping[str, str]:
        """The settings by which a connection logs in here."""
        return {
            "base_url": self.url,
            "login_url": self.url,
            "client_id": self.oauth.client_id,
            "client_secret": self.oauth.client_secret,
            "business_unit_id": self.business_unit_id,
            "connector_user": CONNECTOR,
        }

    def unknown(self, call: Call, allowed: Sequence[str]) -> Answer:
        """Answer a route that the documentation does not know."""
        if allowed:
            body: dict[str, object] = {"code": 60, "message": "Invalid HTTP method."}
            return json_answer(body, 405)
        return json_answer({"code": 198, "message": f"Endpoint not found: {call.path}"}, 404)

    def answer(self, call: Call) -> Answer:
        """Answer one request: with a token, for the business unit, within both limits."""
        self.store.request = call.number
        if call.path == TOKEN_PATH:
            return super().answer(call)
        try:
            self._refuse_scripted(call)
            self._admit(call)
            self.imports.work()
            answer = self._read_as_of(call)
        except Refusal as refusal:
            answer = refusal.answer
        return self._with_usage(call, answer)

    async def _answer_faulted(self, call: Call) -> Answer | None:
        """Count who is here at once; a delayed request keeps its place."""
        if call.path == TOKEN_PATH:
            return await super()._answer_faulted(call)
        self.at_once += 1
        self.peak = max(self.peak, self.at_once)
        try:
            return await super()._answer_faulted(call)
        finally:
            self.at_once -= 1

    def state(self, query: Mapping[str, str]) -> object:
        """Return the records, or those of `?collection=prospects`, with their write history."""
        wanted = query.get("collection")
        names = [name for name in COLLECTIONS if wanted in (None, name)]
        return {name: self.store.to_json(name) for name in names}

    def calls(self) -> dict[str, object]:
        """Return the counters: the day's API calls, and the most requests at once."""
        return {
            **super().calls(),
            "used": self.used,
            "daily_calls": self.daily_calls,
            "peak": self.peak,
            "refused_at_once": self.refused_at_once,
            "logins": self.oauth.logins,
        }

    def reset(self) -> None:
        """Forget everything but the credentials."""
        super().reset()
        self.store.clear()
        self.forbidden.clear()
        self.objects.activity_types.clear()
        self.oauth.expire_all()
        self.imports.jobs.clear()
        self.used = self.peak = self.refused_at_once = 0
        self.add_first_records()

    def add_first_records(self) -> None:
        """The connector's user and the campaign that new prospects get."""
        self.objects.add(
            "users",
            email=CONNECTOR,
            username=CONNECTOR,
            salesforceId="005000000000001AAA",
        )
        self.objects.add("campaigns", name="Website Tracking")

    def _refuse_scripted(self, call: Call) -> None:
        for fault in call.faults:
            if fault.kind == EXPIRE_TOKENS:
                self.oauth.expire_all()
            if fault.kind == SPEND_DAY:
                self.used = self.daily_calls
            if fault.kind == TOO_MANY:
                raise self._too_many()
            if fault.kind == CODE:
                code = fault.options.get("code", 183)
                raise Refusal(int(str(code)), "Scripted.", fault.status)

    def _admit(self, call: Call) -> None:
        """Four doors: the header's token, the business unit, requests at once, the day's calls."""
        token = call.headers.get("Authorization", "").removeprefix("Bearer ")
        unit = call.headers.get("Pardot-Business-Unit-Id")
        if not token and unit is None:
            raise Refusal(49, "Access Denied", 401)
        if unit is None:
            raise Refusal(181, "A required header is missing: Pardot-Business-Unit-Id.")
        if not self.oauth.is_live(token, self.clock.now()):
            raise Refusal(184, "access_token is invalid, unknown, or malformed", 401)
        if unit != self.business_unit_id or self.demo is not self._is_demo(call):
            raise Refusal(
                201,
                "Business Unit specified in Pardot-Business-Unit-Id header not found or inactive.",
            )
        if self.at_once > CONCURRENT:
            raise self._too_many()
        self._count()

    def _is_demo(self, call: Call) -> bool:
        """Whether the request went to the demo host; on loopback it is taken to be right."""
        host = call.headers.get("Host", "").partition(":")[0]
        return host == "pi.demo.pardot.com" if host.endswith("pardot.com") else self.demo

    def _count(self) -> None:
        today = self._today()
        if today != self._day:
            self._day, self.used = today, 0
        if self.used >= self.daily_calls:
            raise Refusal(122, "Daily API rate limit met", self._limit_status)
        self.used += 1
        self.api_calls += 1

    def _too_many(self) -> Refusal:
        self.refused_at_once += 1
        words = "You have exceeded your concurrent request limit."
        return Refusal(66, words, self._limit_status)

    def _read_as_of(self, call: Call) -> Answer:
        """Run the handler; a stale read sees the records as they were a while ago."""
        parts = call.path.removeprefix(f"{API}/").removeprefix("objects/").split("/")
        if parts[0] in self.forbidden:
            raise Refusal(46, "The user does not have permission.", 403)
        stale = next((f for f in call.faults if f.kind == STALE_READS), None)
        if stale is None or call.method != "GET":
            return super().answer(call)
        moment = self.clock.wall() - (stale.seconds or 60.0)
        present = self.store.rows
        self.store.rows = {
            name: {i: past for i, row in rows.items() if (past := row.as_of(moment)) is not None}
            for name, rows in present.items()
        }
        try:
            return super().answer(call)
        finally:
            self.store.rows = present

    def _with_usage(self, call: Call, answer: Answer) -> Answer:
        if not self._reports_usage or call.headers.get("X-Return-Api-Usage") != "1":
            return answer
        usage = {"x-api-usage": f"{self.used}/{self.daily_calls}"}
        return Answer(answer.status, answer.body, {**answer.headers, **usage})

    def _account(self, call: Call, _params: Mapping[str, str]) -> Answer:
        names = fields_asked(call, ACCOUNT_FIELDS, required=True)
        values: dict[str, object] = {
            "id": 1001,
            "company": "Example",
            "level": "Plus",
            "maximumDailyApiCalls": self.daily_calls,
            "apiCallsUsed": self.used,
        }
        return json_answer({name: values[name] for name in names})

    def _token(self, call: Call, _params: Mapping[str, str]) -> Answer:
        return self.oauth.token(call, self.clock.now(), self.clock.wall(), self.url)

    def _today(self) -> str:
        return datetime.fromtimestamp(self.clock.wall(), self._zone).date().isoformat()

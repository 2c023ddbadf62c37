"""The Salesforce emulator: one org, its endpoints, its scripted faults and what tests ask of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from destinations.salesforce.emulator import admin, ids, row_faults, times
from destinations.salesforce.emulator.auth import App, Auth, Sessions, User
from destinations.salesforce.emulator.context import Context
from destinations.salesforce.emulator.data_api import ROOT, DataApi
from destinations.salesforce.emulator.duplicates import DuplicateRule
from destinations.salesforce.emulator.quota import Quota
from destinations.salesforce.emulator.refusals import Refusal, not_found
from destinations.salesforce.emulator.rest.bulk import BulkResource
from destinations.salesforce.emulator.rest.collections import CollectionResource
from destinations.salesforce.emulator.rest.composite import CompositeResource
from destinations.salesforce.emulator.rest.meta import MetaResource
from destinations.salesforce.emulator.rest.query import MAX_PAGE, QueryResource, SearchResource
from destinations.salesforce.emulator.rest.replication import ReplicationResource
from destinations.salesforce.emulator.rest.routes import DataHandler, Reply, Request
from destinations.salesforce.emulator.rest.rows import RowResource
from destinations.salesforce.emulator.rest.tree import TreeResource
from destinations.salesforce.emulator.row_faults import RowFaults
from destinations.salesforce.emulator.rules import Rules
from destinations.salesforce.emulator.schema import ObjectType, Schema
from destinations.salesforce.emulator.store import Row, Store, Value, Write
from destinations.salesforce.emulator.tables import UnknownSpec, build_schema
from destinations.salesforce.emulator.writes import Writer
from transformer.clock import Clock
from transformer.emulator.routes import RouteTable
from transformer.emulator.server import Answer, Call, Emulator, Handler, json_answer

ORG_ID = ids.make(ids.ORGANIZATION_PREFIX, 1)


@dataclass(frozen=True, slots=True)
class Options:
    """What an emulated org is like; `build` documents each option."""

    seed: int = 0
    clock: Clock | None = None
    sandbox: bool = False
    trusted_ip: bool = False
    soap_login: bool = True
    instance_url: str | None = None
    latest_version: int = 67
    daily_limit: int = 100_000
    page_records: int = MAX_PAGE
    search_lag_seconds: float = 30.0
    bulk_polls: int = 1
    bulk_listed: int = 1_000
    users: Sequence[User] = (User(),)
    apps: Sequence[App] = (App(),)
    custom_fields: Mapping[str, Sequence[str]] = field(default_factory=dict)
    custom_objects: Mapping[str, Sequence[str]] = field(default_factory=dict)
    allow_any_custom_field: bool = False
    duplicate_rules: Sequence[DuplicateRule] = ()
    parse_errors_refuse_all: bool = False
    log_requests: int = 1_000
    log_body_bytes: int = 4_096
    compress: bool = False


class SalesforceEmulator(Emulator):
    """A Salesforce org over HTTP; see `build` for how it is made."""

    vendor_faults = row_faults.KINDS
    secret_paths = ("/services/oauth2/", "/services/Soap/")

    def __init__(self, options: Options) -> None:
        super().__init__(
            seed=options.seed,
            clock=options.clock,
            log_requests=options.log_requests,
            log_body_bytes=options.log_body_bytes,
            compress=options.compress,
        )
        self._options = options
        self._start()

    def _start(self) -> None:
        """Make the org anew: no records but its users, no sessions, no calls counted."""
        options = self._options
        self.schema: Schema = build_schema(options.custom_fields, options.custom_objects)
        self.store = Store()
        self.quota = Quota(options.daily_limit)
        self.sessions = Sessions(ORG_ID)
        _check_rules(self.schema, options.duplicate_rules)
        rules = Rules(
            self.schema, self.store, allow_any_custom_field=options.allow_any_custom_field
        )
        self.row_faults = RowFaults(self.store, self.faults.random)
        self._writer = Writer(
            self.schema, self.store, rules, options.duplicate_rules, self.row_faults
        )
        self.auth = Auth(
            ORG_ID,
            options.sandbox,
            options.trusted_ip,
            options.soap_login,
            options.users,
            options.apps,
            self._add_users(options.users),
            self.sessions,
        )
        self._data = self._data_api()

    def _data_api(self) -> DataApi:
        options = self._options
        composite = CompositeResource(self.store, self._send)
        collections = CollectionResource(
            self.schema,
            self.store,
            self._writer,
            parse_errors_refuse_all=options.parse_errors_refuse_all,
        )
        bulk = BulkResource(
            self.schema,
            self.store,
            self._writer,
            polls=options.bulk_polls,
            listed=options.bulk_listed,
            any_field=options.allow_any_custom_field,
        )
        query = QueryResource(self.schema, self.store, page_records=options.page_records)
        search = SearchResource(self.schema, self.store, lag_seconds=options.search_lag_seconds)
        resources = (
            MetaResource(self.schema, self.store, self.quota, self.clock.wall),
            RowResource(self.schema, self.store, self._writer),
            TreeResource(self.schema, self.store, self._writer),
            ReplicationResource(self.schema, self.store),
            query,
            search,
            composite,
            collections,
            bulk,
        )
        table: RouteTable[DataHandler] = RouteTable(
            route for resource in resources for route in resource.routes()
        )
        return DataApi(
            self.store,
            self.sessions,
            self.quota,
            table,
            options.latest_version,
            self.clock.wall,
            self._count,
            self._record_unknown,
        )

    def routes(self) -> Iterable[tuple[str, str, Handler]]:
        """Return the login endpoints; the data API has its own table."""
        return (
            ("POST", "/services/oauth2/token", lambda call, _: self._token(call)),
            ("POST", "/services/oauth2/revoke", lambda call, _: self.auth.revoke(call)),
            ("GET", "/services/oauth2/revoke", lambda call, _: self.auth.revoke(call)),
            ("POST", "/services/Soap/u/{version}", self._soap),
        )

    def answer(self, call: Call) -> Answer:
        """Answer one request."""
        if call.path.startswith(ROOT):
            return self._data.answer(call)
        return super().answer(call)

    def unknown(self, call: Call, allowed: Sequence[str]) -> Answer:
        """Answer a route that does not exist, as Salesforce does."""
        if allowed:
            text = f"HTTP Method '{call.method}' not allowed. Allowed are {','.join(allowed)}"
            return _refused(Refusal("METHOD_NOT_ALLOWED", text, status=405))
        return _refused(not_found())

    def _send(self, request: Request) -> Reply:
        return self._data.send(request)

    def _record_unknown(self, call: Call) -> None:
        self.unknown_count += 1
        self.unknown_routes.append(f"{call.method} {call.path}")

    def _count(self, shape: str, calls: int) -> None:
        self.api_calls += calls
        self.calls_by_route[shape] += 1

    @property
    def instance_url(self) -> str:
        """Return the base of every data request, as logins hand it out."""
        return self._options.instance_url or self.url

    def _token(self, call: Call) -> Answer:
        return self.auth.token(call, self.instance_url, self.clock.wall())

    def _soap(self, call: Call, params: Mapping[str, str]) -> Answer:
        return self.auth.soap(call, params["version"], self.instance_url, self.clock.wall())

    def _add_users(self, users: Sequence[User]) -> dict[str, str]:
        kind = self._kind("User")
        made: dict[str, str] = {}
        for user in users:
            values: dict[str, Value] = {
                "Username": user.username,
                "LastName": user.username.partition("@")[0],
                "Name": user.username.partition("@")[0],
                "Email": user.username,
                "IsActive": True,
                "UserType": "Standard",
                "CreatedDate": times.stamp(self.clock.wall()),
            }
            row = self.store.insert(kind, values, Write(0, self.clock.wall(), "create", {}))
            made[user.username] = row.id
        self.store.commit()
        return made

    # What tests ask for and do, beside the API: nothing here counts as a call.

    def records(self, object_name: str, *, deleted_too: bool = False) -> list[Row]:
        """Return the rows of one object in order of creation, each with its `history`."""
        rows = self.store.of_type(self._kind(object_name)).values()
        return [row for row in rows if deleted_too or not row.deleted]

    def add(self, object_name: str, values: Mapping[str, object]) -> str:
        """Create a record under every rule, without a call; raises Refusal. Returns its id."""
        try:
            return self._writer.create(self._kind(object_name), values, self._own_context())
        finally:
            self.store.commit()

    def add_assignment_rule(self, object_name: str) -> str:
        """Make an active assignment rule of an object, as an administrator would; returns its id.

        It assigns nobody: it is there to be named by bulk jobs.
        """
        values: dict[str, Value] = {
            "Name": "Standard",
            "SobjectType": object_name,
            "Active": True,
            "CreatedDate": times.stamp(self.clock.wall()),
        }
        kind, write = self._kind("AssignmentRule"), Write(0, self.clock.wall(), "create", {})
        row = self.store.insert(kind, values, write)
        self.store.commit()
        return row.id

    def edit(self, record_id: str, values: Mapping[str, object]) -> None:
        """Update a record as a person in the org would, without a call; raises Refusal."""
        row = self._row(record_id)
        self._writer.update(row.type, row.id, values, self._own_context())
        self.store.commit()

    def delete(self, record_id: str) -> None:
        """Put a record into the recycle bin, without a call."""
        self._writer.force_deleted(self._row(record_id), {}, self._own_context())
        self.store.commit()

    def merge(self, winner_id: str, loser_id: str) -> None:
        """Merge two records: the loser is deleted and names the winner."""
        winner, loser = self._row(winner_id), self._row(loser_id)
        values: dict[str, Value] = {"MasterRecordId": winner.id}
        self._writer.force_deleted(loser, values, self._own_context())
        self.store.commit()

    def convert_lead(self, lead_id: str, *, opportunity: bool = False) -> dict[str, str]:
        """Convert a lead to an account and a contact; returns the new ids by object."""
        lead, context = self._row(lead_id), self._own_context()
        made = {"Account": self.add("Account", {"Name": lead.get("Company")})}
        shared = ("FirstName", "LastName", "Email", "Phone", "Title")
        person = {name: lead.get(name) for name in shared}
        made["Contact"] = self.add("Contact", {**person, "AccountId": made["Account"]})
        today = times.stamp(context.time)[:10]
        values: dict[str, Value] = {
            "IsConverted": True,
            "Status": "Closed - Converted",
            "ConvertedDate": today,
            "ConvertedAccountId": made["Account"],
            "ConvertedContactId": made["Contact"],
        }
        if opportunity:
            deal = {
                "Name": lead.get("Company"),
                "StageName": "Prospecting",
                "CloseDate": today,
                "AccountId": made["Account"],
            }
            made["Opportunity"] = self.add("Opportunity", deal)
            values["ConvertedOpportunityId"] = made["Opportunity"]
        self._writer.force(lead, values, "convert", context)
        self.store.commit()
        return made

    def expire_sessions(self) -> None:
        """End every session: the next call of each client answers 401."""
        self.sessions.expire_all()

    def set_quota_used(self, calls: int) -> None:
        """Set how many of the day's calls are used; 0 gives them all back."""
        self.quota.set_used(calls, self.clock.wall())

    def connection_settings(self) -> Mapping[str, str]:
        """Return the settings by which a connection logs in here, as the first app."""
        app = self._options.apps[0]
        return {
            "login_url": self.url,
            "client_id": app.consumer_key,
            "client_secret": app.consumer_secret,
        }

    def state(self, query: Mapping[str, str]) -> object:
        """Return counts per object, or with `?object=Lead` its records with their history."""
        name = query.get("object")
        if name is None:
            counts = {kind.name: len(self.records(kind.name)) for kind in self.schema}
            now = self.clock.wall()
            return {
                "records": counts,
                "api_usage": {"used": self.quota.used(now), "limit": self.quota.limit},
                **self.calls(),
            }
        kind = self.schema.find(name)
        rows = self.store.of_type(kind).values() if kind else ()
        return [_shown(row) for row in rows]

    def reset(self) -> None:
        """Forget everything: records, sessions, faults, log and counters."""
        super().reset()
        self._start()

    def admin_routes(self) -> Iterable[tuple[str, str, Handler]]:
        """Return the routes by which a test in another process does the same."""
        return admin.routes(self)

    def _kind(self, name: str) -> ObjectType:
        kind = self.schema.find(name)
        if kind is None:
            raise not_found(f"no object {name!r} in this org")
        return kind

    def _row(self, record_id: str) -> Row:
        return self._writer.row(None, record_id)

    def _own_context(self) -> Context:
        version = f"v{self._options.latest_version}.0"
        user_id = self.auth.user_ids[self._options.users[0].username]
        return Context(self.request_count, self.clock.wall(), version, user_id, allow_save=True)


def _check_rules(schema: Schema, rules: Sequence[DuplicateRule]) -> None:
    for rule in rules:
        kind = schema.find(rule.object_type)
        if kind is None or not rule.fields or any(name not in kind.fields for name in rule.fields):
            raise UnknownSpec(f"duplicate_rules: no such object or field, got {rule}")


def _shown(row: Row) -> dict[str, object]:
    return {
        "id": row.id,
        "deleted": row.deleted,
        "values": row.values,
        "history": [
            {
                "request": write.request,
                "time": write.time,
                "action": write.action,
                "values": dict(write.values),
            }
            for write in row.history
        ],
    }


def _refused(refusal: Refusal) -> Answer:
    return json_answer(refusal.top_level(), refusal.status)

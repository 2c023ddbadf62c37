// Drives a Pipedrive company with the official client and prints what it saw as one JSON object.
// Usage: node pipedrive_client.mjs URL. The credentials are the emulator's defaults.
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const v1 = require('pipedrive/v1');
const v2 = require('pipedrive/v2');

const url = process.argv[2];
const apiKey = '0123456789abcdef0123456789abcdef01234567';
const two = new v2.Configuration({ apiKey, basePath: `${url}/api/v2` });
const one = new v1.Configuration({ apiKey, basePath: `${url}/v1` });

async function seen(work) {
  try {
    return await work();
  } catch (error) {
    return { error: error.error ?? error.message, code: error.code ?? error.errorCode };
  }
}

async function persons() {
  const api = new v2.PersonsApi(two);
  const emails = [{ value: 'Jane@Example.com', primary: true, label: 'work' }];
  const made = await api.addPerson({ AddPersonRequest: { name: 'Jane Doe', emails } });
  const id = made.data.id;
  const found = await api.searchPersons({
    term: 'jane@example.com',
    fields: 'email',
    exact_match: true,
  });
  const changed = await api.updatePerson({ id, UpdatePersonRequest: { name: 'Jane Roe' } });
  for (let number = 0; number < 4; number += 1) {
    await api.addPerson({ AddPersonRequest: { name: `P ${number}` } });
  }
  const names = [];
  let cursor;
  do {
    const page = await api.getPersons({ limit: 2, cursor });
    names.push(...page.data.map((person) => person.name));
    cursor = page.additional_data.next_cursor;
  } while (cursor);
  const gone = await api.deletePerson({ id });
  return {
    made: [made.success, id, made.data.first_name, made.data.emails],
    found: found.data.items.map(({ item }) => [item.id, item.emails]),
    changed: [changed.data.name, changed.data.emails],
    names,
    gone: gone.data,
    afterwards: await seen(() => api.getPerson({ id })),
  };
}

async function fields() {
  const api = new v2.PersonFieldsApi(two);
  const made = await api.addPersonField({
    AddPersonFieldRequest: {
      field_name: 'Plan',
      field_type: 'enum',
      options: [{ label: 'Free' }, { label: 'Pro' }],
    },
  });
  const listed = await api.getPersonFields({ limit: 500 });
  const { field_code, options } = made.data;
  const person = await new v2.PersonsApi(two).addPerson({
    AddPersonRequest: { name: 'Ann', custom_fields: { [field_code]: options[1].id } },
  });
  return {
    hash: /^[0-9a-f]{40}$/.test(field_code),
    listed: listed.data.filter((field) => field.is_custom_field).map((field) => field.field_name),
    value: person.data.custom_fields[field_code] === options[1].id,
    unknown: await seen(() =>
      new v2.PersonsApi(two).addPerson({
        AddPersonRequest: { name: 'Bob', custom_fields: { ['f'.repeat(40)]: 1 } },
      }),
    ),
  };
}

async function sales() {
  const organizations = new v2.OrganizationsApi(two);
  const deals = new v2.DealsApi(two);
  const organization = await organizations.addOrganization({
    AddOrganizationRequest: { name: 'Acme', website: 'https://acme.example' },
  });
  const org_id = organization.data.id;
  const deal = await deals.addDeal({
    AddDealRequest: { title: 'Big', value: 200, currency: 'EUR', org_id },
  });
  const activity = await new v2.ActivitiesApi(two).addActivity({
    AddActivityRequest: { subject: 'Call', type: 'call', deal_id: deal.data.id, due_date: '2026-11-22' },
  });
  const found = await organizations.searchOrganization({ term: 'ACME', fields: 'name', exact_match: true });
  return {
    organization: [org_id, organization.data.website],
    deal: [deal.data.title, deal.data.value, deal.data.stage_id, deal.data.status],
    activity: [activity.data.subject, activity.data.deal_id, activity.data.done],
    found: found.data.items.map(({ item }) => item.name),
    untitled: await seen(() => deals.addDeal({ AddDealRequest: { value: 1 } })),
  };
}

async function versionOne() {
  const lead = await new v1.LeadsApi(one).addLead({
    AddLeadRequest: { title: 'Lead', organization_id: 1, value: { amount: 5, currency: 'EUR' } },
  });
  const note = await new v1.NotesApi(one).addNote({
    AddNoteRequest: { content: '<b>hi</b>', org_id: 1 },
  });
  const leads = await new v1.LeadsApi(one).getLeads({ organization_id: 1, limit: 1 });
  const user = await new v1.UsersApi(one).getCurrentUser();
  const types = await new v1.ActivityTypesApi(one).getActivityTypes();
  const currencies = await new v1.CurrenciesApi(one).getCurrencies({});
  return {
    lead: [/^[0-9a-f-]{36}$/.test(lead.data.id), lead.data.value],
    note: [note.data.content, note.data.active_flag],
    leads: [leads.data.length, leads.additional_data.pagination.more_items_in_collection],
    user: user.data.company_name,
    types: types.data.map((type) => type.key_string).includes('task'),
    currencies: currencies.data.map((each) => each.code).includes('EUR'),
    alone: await seen(() => new v1.NotesApi(one).addNote({ AddNoteRequest: { content: 'x' } })),
  };
}

async function oauth() {
  const session = new v2.OAuth2Configuration({
    clientId: 'emulator-client',
    clientSecret: 'emulator-client-secret',
    redirectUri: 'https://example.com/callback',
  });
  session.host = url;
  await session.authorize('emulator-code');
  const token = await session.tokenRefresh();
  const config = new v2.Configuration({
    accessToken: session.getAccessToken,
    basePath: `${token.api_domain}/api/v2`,
  });
  const listed = await new v2.DealsApi(config).getDeals({ limit: 1 });
  return { scheme: token.token_type, deals: listed.data.length };
}

async function stranger() {
  const config = new v2.Configuration({ apiKey: 'wrong', basePath: `${url}/api/v2` });
  return seen(() => new v2.PersonsApi(config).getPersons({}));
}

const result = {
  persons: await persons(),
  fields: await fields(),
  sales: await sales(),
  versionOne: await versionOne(),
  oauth: await oauth(),
  stranger: await stranger(),
};
console.log(JSON.stringify(result));

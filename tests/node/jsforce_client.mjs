// Drives a Salesforce org with jsforce and prints what it saw as one JSON object.
// Usage: node jsforce_client.mjs URL. The credentials are the emulator's defaults.
import jsforce from 'jsforce';

const url = process.argv[2];
const version = '64.0';

async function seen(work) {
  try {
    return await work();
  } catch (error) {
    return { error: error.errorCode ?? error.name, message: error.message };
  }
}

async function bySoap(password) {
  const conn = new jsforce.Connection({ loginUrl: url, version });
  const user = await conn.login('integration@example.com', password);
  return { conn, user };
}

const oauth2 = { loginUrl: url, clientId: 'consumer-key', clientSecret: 'consumer-secret' };

async function byClientCredentials() {
  const conn = new jsforce.Connection({ instanceUrl: url, oauth2, version });
  await conn.authorize({ grant_type: 'client_credentials' });
  return (await conn.sobject('Lead').describe()).name;
}

async function byRefreshToken() {
  const conn = new jsforce.Connection({
    instanceUrl: url,
    accessToken: 'long expired',
    refreshToken: 'refresh-token',
    oauth2,
    version,
  });
  let refreshes = 0;
  conn.on('refresh', () => (refreshes += 1));
  const total = (await conn.query('SELECT COUNT() FROM Lead')).totalSize;
  return { refreshes, total };
}

const { conn, user } = await bySoap('secretTOKEN');
const lead = conn.sobject('Lead');
const out = { user: Object.keys(user).sort() };
out.badLogin = await seen(async () => (await bySoap('wrong')).user);
out.clientCredentials = await seen(byClientCredentials);

const created = await lead.create({ LastName: 'Doe', Company: 'Acme', Email: 'jane@example.com' });
out.created = { success: created.success, prefix: created.id.slice(0, 3), length: created.id.length };
out.updated = (await lead.update({ Id: created.id, FirstName: 'Jane' })).success;
const read = await lead.retrieve(created.id);
out.read = { Name: read.Name, Status: read.Status, type: read.attributes.type };
out.upserted = [];
for (const name of ['first', 'second']) {
  const done = await lead.upsert({ Ext__c: 'a-b', LastName: name, Company: 'Acme' }, 'Ext__c');
  out.upserted.push(done.created);
}
out.missing = await seen(() => lead.create({ LastName: 'Doe' }));
out.unknown = await seen(() => lead.update({ Id: created.id, Nope__c: 1 }));

const many = Array.from({ length: 450 }, (_, n) => ({
  LastName: `Many ${n}`,
  Company: 'Many Inc.',
  Ext__c: `many-${n}`,
}));
const rows = await lead.create(many, { allowRecursive: true });
out.many = { count: rows.length, good: rows.filter((row) => row.success).length };
const again = await lead.upsert(many.slice(0, 20), 'Ext__c');
out.again = again.filter((row) => row.success && row.created === false).length;
out.partly = (
  await lead.create([{ LastName: 'ok', Company: 'c' }, { LastName: 'no company' }], {
    allOrNone: false,
  })
).map((row) => (row.success ? 'ok' : row.errors[0].statusCode));

const soql = "SELECT Id, Name FROM Lead WHERE Company = 'Many Inc.' ORDER BY Name";
const paged = await conn.query(soql, { autoFetch: true, maxFetch: 1000 });
out.paged = { records: paged.records.length, total: paged.totalSize, done: paged.done };
out.found = (
  await lead.find({ Email: 'jane@example.com' }, ['Id', 'Email', 'Owner.Name']).limit(5)
).map((row) => [row.Email, row.Owner.Name]);
out.malformed = await seen(() => conn.query('SELECT Id FORM Lead'));
out.noField = await seen(() => conn.query('SELECT Nope FROM Lead'));

const described = await lead.describe();
out.required = described.fields
  .filter((field) => field.createable && !field.nillable && !field.defaultedOnCreate)
  .map((field) => field.name);
out.objects = (await conn.describeGlobal()).sobjects.map((each) => each.name);
const limits = await conn.limits();
out.limit = limits.DailyApiRequests.Max;
out.limitInfo = conn.limitInfo.apiUsage.limit;

const composite = await conn.requestPost(`/services/data/v${version}/composite`, {
  allOrNone: true,
  compositeRequest: [
    {
      method: 'POST',
      url: `/services/data/v${version}/sobjects/Account`,
      referenceId: 'account',
      body: { Name: 'Acme' },
    },
    {
      method: 'POST',
      url: `/services/data/v${version}/sobjects/Contact`,
      referenceId: 'contact',
      body: { LastName: 'Doe', AccountId: '@{account.id}' },
    },
  ],
});
out.composite = composite.compositeResponse.map((each) => each.httpStatusCode);

const job = conn.bulk2.createJob({ object: 'Lead', operation: 'insert' });
await job.open();
await job.uploadData([
  { LastName: 'Bulk', Company: 'B' },
  { LastName: 'Bulk', Company: '' },
]);
await job.close();
await job.poll(20, 10_000);
const results = await job.getAllResults();
out.bulk = {
  good: results.successfulResults.length,
  failed: results.failedResults.map((row) => row.sf__Error.split(':')[0]),
};

out.destroyed = (await lead.destroy(created.id)).success;
out.gone = await seen(() => lead.retrieve(created.id));
out.deletedOnes = (
  await conn.query('SELECT Id FROM Lead WHERE IsDeleted = TRUE', { scanAll: true })
).totalSize;
out.refreshed = await seen(byRefreshToken);

console.log(JSON.stringify(out));

// SPDX-License-Identifier: GPL-3.0-or-later
// Uses what MQTT 5 has beyond publish and subscribe, and prints what it saw as JSON.
"use strict";
const fs = require("fs");
const mqtt = require("mqtt");

const options = JSON.parse(process.argv[2]);
const { name } = options;
const seen = {};

function fail(error) {
  console.error(String(error && error.stack ? error.stack : error));
  process.exit(1);
}

setTimeout(() => fail("not done in time"), options.deadlineMs).unref();

// A connected client that keeps what it gets; next() awaits one more of it.
function connect(more = {}) {
  const client = mqtt.connect({
    protocol: options.ca ? "mqtts" : "mqtt",
    host: "localhost",
    port: options.port,
    ca: options.ca ? fs.readFileSync(options.ca) : undefined,
    protocolVersion: 5,
    clientId: "",
    reconnectPeriod: 0,
    ...more,
  });
  const waiting = [];
  const got = [];
  client.on("message", (topic, payload, packet) => {
    const message = { topic, text: payload.toString(), packet };
    if (waiting.length) waiting.shift()(message);
    else got.push(message);
  });
  client.next = () => (got.length ? Promise.resolve(got.shift()) : new Promise((done) => waiting.push(done)));
  return new Promise((done, refused) => {
    client.on("error", refused);
    client.once("connect", (connack) => {
      client.connack = connack;
      done(client);
    });
  });
}

async function requestAndResponse() {
  const [asks, answers] = [await connect(), await connect()];
  seen.assigned = asks.connack.properties.assignedClientIdentifier;
  await answers.subscribeAsync(`${name}/question`, { qos: 1 });
  await asks.subscribeAsync(`${name}/answer`, { qos: 1 });
  const correlationData = Buffer.from([0, 1]);
  await asks.publishAsync(`${name}/question`, "6 times 9?", {
    qos: 1,
    properties: { responseTopic: `${name}/answer`, correlationData },
  });
  const question = (await answers.next()).packet.properties;
  await answers.publishAsync(question.responseTopic, "42", {
    qos: 1,
    properties: { correlationData: question.correlationData },
  });
  const answer = await asks.next();
  seen.answer = [answer.text, answer.packet.properties.correlationData.toString("hex")];
  await Promise.all([asks.endAsync(), answers.endAsync()]);
}

async function properties() {
  const client = await connect();
  await client.subscribeAsync(`${name}/p`, { qos: 1, properties: { subscriptionIdentifier: 7 } });
  await client.subscribeAsync(`${name}/+`, { qos: 0, properties: { subscriptionIdentifier: 8 } });
  await client.publishAsync(`${name}/p`, "x", {
    qos: 1,
    properties: {
      contentType: "text/plain",
      messageExpiryInterval: 60,
      userProperties: { b: ["1", "3"], a: "2" },
    },
  });
  const got = (await client.next()).packet.properties;
  seen.userProperties = got.userProperties;
  seen.identifiers = got.subscriptionIdentifier;
  seen.expiry = got.messageExpiryInterval;
  seen.contentType = got.contentType;
  await client.endAsync();
}

async function aliases() {
  const subscriber = await connect({ properties: { topicAliasMaximum: 4 } });
  const publisher = await connect({ autoAssignTopicAlias: true });
  let aliased = 0;
  publisher.on("packetsend", (packet) => {
    if (packet.cmd === "publish" && packet.topic === "") aliased += 1;
  });
  await subscriber.subscribeAsync(`${name}/alias`, { qos: 0 });
  seen.aliased = [];
  for (let i = 0; i < 5; i++) {
    await publisher.publishAsync(`${name}/alias`, String(i), { qos: 1 });
    seen.aliased.push((await subscriber.next()).topic);
  }
  seen.aliasesUsed = aliased;
  await Promise.all([subscriber.endAsync(), publisher.endAsync()]);
}

async function flowControl() {
  const subscriber = await connect({ properties: { receiveMaximum: 1 } });
  const publisher = await connect();
  await subscriber.subscribeAsync(`${name}/flow`, { qos: 2 });
  const sent = [];
  for (let i = 0; i < 20; i++) sent.push(await publisher.publishAsync(`${name}/flow`, String(i), { qos: 1 + (i % 2) }));
  seen.flow = [];
  for (let i = 0; i < 20; i++) seen.flow.push(Number((await subscriber.next()).text));
  await Promise.all([subscriber.endAsync(), publisher.endAsync()]);
}

async function shared() {
  const members = [await connect(), await connect()];
  const publisher = await connect();
  for (const member of members) await member.subscribeAsync(`$share/js/${name}/work`, { qos: 1 });
  for (let i = 0; i < 8; i++) await publisher.publishAsync(`${name}/work`, String(i), { qos: 1 });
  seen.shared = [];
  seen.members = [0, 0];
  for (const index of [0, 1])
    for (let i = 0; i < 4; i++) {
      seen.shared.push(Number((await members[index].next()).text));
      seen.members[index] += 1;
    }
  await Promise.all([...members, publisher].map((client) => client.endAsync()));
}

async function willWithDelay() {
  const watcher = await connect();
  await watcher.subscribeAsync(`${name}/will`, { qos: 1 });
  const client = await connect({
    properties: { sessionExpiryInterval: 60 },
    will: { topic: `${name}/will`, payload: Buffer.from("gone"), qos: 1, properties: { willDelayInterval: 1 } },
  });
  const began = Date.now();
  client.stream.destroy();
  seen.will = (await watcher.next()).text;
  seen.willAfterMs = Date.now() - began;
  await watcher.endAsync();
}

async function session() {
  const more = { clientId: `${name}-session`, clean: false, properties: { sessionExpiryInterval: 60 } };
  const before = await connect(more);
  await before.subscribeAsync(`${name}/session`, { qos: 1 });
  await before.endAsync();
  const publisher = await connect();
  await publisher.publishAsync(`${name}/session`, "while away", { qos: 1 });
  const again = await connect(more);
  seen.resumed = [again.connack.sessionPresent, [(await again.next()).text]];
  await again.publishAsync(`${name}/session`, "", { qos: 0 });
  const refused = await again.subscribeAsync("x/".repeat(200), { qos: 0 }).catch((error) => error);
  seen.refused = String(refused);
  await Promise.all([publisher.endAsync(), again.endAsync()]);
}

(async () => {
  for (const part of [requestAndResponse, properties, aliases, flowControl, shared, willWithDelay, session])
    await part();
  console.log(JSON.stringify(seen));
  process.exit(0);
})().catch(fail);

// SPDX-License-Identifier: GPL-3.0-or-later
// Subscribes with QoS 2, publishes `messages` ([QoS, payload]), prints what came back as JSON.
"use strict";
const fs = require("fs");
const mqtt = require("mqtt");

const options = JSON.parse(process.argv[2]);
const read = (path) => (path ? fs.readFileSync(path) : undefined);
const client = mqtt.connect({
  protocol: "mqtts",
  host: "localhost",
  port: options.port,
  servername: "localhost",
  ca: read(options.ca),
  cert: read(options.cert),
  key: read(options.key),
  minVersion: options.tls,
  maxVersion: options.tls,
  clientId: options.clientId,
  protocolVersion: options.version,
  reconnectPeriod: 0,
});

function fail(error) {
  console.error(String(error));
  process.exit(1);
}

setTimeout(() => fail("not done in time"), options.deadlineMs).unref();
client.on("error", fail);
const got = [];
client.on("message", (topic, payload, packet) => {
  got.push([packet.qos, payload.toString()]);
  if (got.length === options.messages.length) {
    console.log(JSON.stringify({ got }));
    setImmediate(() => client.end()); // after the PUBCOMP of the last message
  }
});
client.on("connect", async () => {
  const topic = `topic/${options.clientId}`;
  await client.subscribeAsync(topic, { qos: 2 });
  for (const [qos, payload] of options.messages) await client.publishAsync(topic, payload, { qos });
});

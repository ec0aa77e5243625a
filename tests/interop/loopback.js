// SPDX-License-Identifier: Apache-2.0
//
// For node --require: whatever a server means to listen on, it listens on 127.0.0.1 alone.
"use strict";
const net = require("net");
const listen = net.Server.prototype.listen;

net.Server.prototype.listen = function (...words) {
  const callbacks = words.filter((word) => typeof word === "function");
  const first = words[0];
  const port = first !== null && typeof first === "object" ? first.port : Number(first);
  return listen.call(this, { port, host: "127.0.0.1" }, ...callbacks);
};

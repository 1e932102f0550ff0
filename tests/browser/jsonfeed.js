// jsonfeed.js: a JSON Feed from the input, as a reader of others has it (feedsmith): JSON, or its complaint.
'use strict';

const { parseJsonFeed } = require('feedsmith');

console.log(JSON.stringify(parseJsonFeed(require('node:fs').readFileSync(0, 'utf8'))));

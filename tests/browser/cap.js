// cap.js: a CAP document from the input, as a reader of others has it (@dec112/cap-ts): JSON, or its complaint.
'use strict';

const { CAP_1_2: { Alert } } = require('@dec112/cap-ts');

async function main(text) {
  const alert = await Alert.fromXML(text);
  console.log(JSON.stringify(alert));
}

main(require('node:fs').readFileSync(0, 'utf8')).catch((e) => { console.error(String(e)); process.exit(1); });

// audit.js DIRECTORY: every page in it (tests/unit/test_page writes them all), in the browser and by
// html-validate. Prints {"pages": [...], "wrong": [...]}.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { pathToFileURL } = require('node:url');
const { HtmlValidate } = require('html-validate');
const { launch, phone } = require('./chromium');
const { look } = require('./look');

const validator = new HtmlValidate({
  extends: ['html-validate:recommended', 'html-validate:document'],
  rules: {
    'tel-non-breaking': 'off', // telephone numbers stand in editors' notices as they wrote them
  },
});

exports.validate = async (name, html) => {
  const report = await validator.validateString(html, name);
  return report.results.flatMap((r) => r.messages.map((m) => `${name}:${m.line}:${m.column}: ${m.ruleId}: ${m.message}`));
};

async function main(directory) {
  const files = fs.readdirSync(directory).filter((f) => f.endsWith('.html')).sort();
  const browser = await launch();
  const wrong = [];
  try {
    const page = await (await phone(browser)).newPage();
    for (const file of files) {
      const whole = path.resolve(directory, file);
      wrong.push(...await exports.validate(file, fs.readFileSync(whole, 'utf8')));
      await page.goto(pathToFileURL(whole).href);
      wrong.push(...await look(page, file));
    }
  } finally {
    await browser.close();
  }
  console.log(JSON.stringify({ pages: files, wrong }));
}

if (require.main === module) {
  main(process.argv[2]).catch((e) => { console.error(e); process.exit(1); });
}

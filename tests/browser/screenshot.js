// screenshot.js URL OUT.png WIDTH HEIGHT: the page as a phone of that size shows it.
'use strict';

const { launch, phone } = require('./chromium');

async function main(url, file, width, height) {
  const browser = await launch();
  try {
    const page = await (await phone(browser, { viewport: { width: Number(width), height: Number(height) } })).newPage();
    const answer = await page.goto(url);
    await page.screenshot({ path: file });
    console.log(JSON.stringify({ address: page.url(), status: answer.status(), title: await page.title() }));
  } finally {
    await browser.close();
  }
}

const [, , url, file, width = 360, height = 740] = process.argv;
if (!file) {
  console.error('usage: screenshot.js URL OUT.png [WIDTH HEIGHT]');
  process.exit(2);
}
main(url, file, width, height).catch((e) => { console.error(e); process.exit(1); });

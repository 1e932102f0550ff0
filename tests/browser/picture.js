// picture.js URL: the pictures of a page as a phone shows them, and all that is wrong with the page.
'use strict';

const { launch, phone } = require('./chromium');
const { look } = require('./look');

async function main(url) {
  const browser = await launch();
  const out = { errors: [], requests: [] };
  try {
    const page = await (await phone(browser)).newPage();
    page.on('request', (r) => out.requests.push(r.url()));
    page.on('console', (m) => { if (m.type() === 'error') out.errors.push(m.text()); });
    await page.goto(url);
    out.pictures = await page.locator('img').evaluateAll((all) => all.map((i) => {
      const box = i.getBoundingClientRect();
      return { src: i.getAttribute('src'), alt: i.alt, natural: [i.naturalWidth, i.naturalHeight], height: box.height };
    }));
    out.wrong = await look(page, url);
  } finally {
    await browser.close();
  }
  console.log(JSON.stringify(out));
}

main(process.argv[2]).catch((e) => { console.error(e); process.exit(1); });

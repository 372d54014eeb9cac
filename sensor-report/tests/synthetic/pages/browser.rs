//! The pages in headless Chromium: texts that stand on each other, characters without a glyph, paper.

use std::{env, fs, path::Path, process::Command};

use jiff::civil::date;
use libtest_mimic::{Completion, Failed};
use teiten_report::period;

use super::{LANGUAGES, World, pages, report, request, text};

const LAYOUT: &str = "no_text_of_a_page_stands_on_another_and_every_character_has_a_glyph";
const PAPER: &str = "pages_print_on_a4_and_a_day_on_one_sheet";
pub(crate) const NAMES: [&str; 2] = [LAYOUT, PAPER];

/// What looks at the page from within. Two texts overlap when their boxes share more than two pixels each way; a
/// character has no glyph when it is drawn as one that no font has.
const SCRIPT: &str = r"<script>
const boxes = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
const characters = new Set();
while (walker.nextNode()) {
  const node = walker.currentNode;
  const parent = node.parentElement.localName;
  if (!node.data.trim() || ['title', 'desc', 'style', 'script'].includes(parent)) continue;
  for (const character of node.data) characters.add(character);
  const range = document.createRange();
  range.selectNodeContents(node);
  for (const box of range.getClientRects())
    // A line of Japanese is as high as its line; letters fill the middle of it.
    boxes.push({ text: node.data.trim(), node, left: box.left, right: box.right,
                 top: box.top + box.height * 0.2, bottom: box.bottom - box.height * 0.2 });
}
const found = [];
for (let i = 0; i < boxes.length; i++)
  for (let j = i + 1; j < boxes.length; j++) {
    const [a, b] = [boxes[i], boxes[j]];
    if (a.node !== b.node && Math.min(a.right, b.right) - Math.max(a.left, b.left) > 2 &&
        Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 2)
      found.push('overlap: ' + a.text.slice(0, 30) + ' / ' + b.text.slice(0, 30));
  }
for (const box of boxes)
  if (box.right > document.documentElement.clientWidth + 1) found.push('beyond the page: ' + box.text.slice(0, 30));
const canvas = document.createElement('canvas');
canvas.width = canvas.height = 40;
const pen = canvas.getContext('2d', { willReadFrequently: true });
const drawn = character => {
  pen.clearRect(0, 0, 40, 40);
  pen.font = '20px ' + getComputedStyle(document.body).fontFamily;
  pen.fillText(character, 4, 28);
  return pen.getImageData(0, 0, 40, 40).data.join();
};
const none = drawn('\u{10fffe}');
for (const character of characters)
  if (character.trim() && drawn(character) === none) found.push('no glyph: ' + character);
const out = document.createElement('pre');
out.id = 'found';
out.textContent = boxes.length + ' ' + characters.size + '\n' + found.join('\n');
document.body.replaceChildren(out);
</script>";

/// Runs one of the tests, where there is a browser.
pub(crate) fn agrees(world: &World, name: &str) -> Result<Completion, Failed> {
    if !env::var("TEITEN_TEST_FULL").is_ok_and(|value| value == "1") {
        return Ok(Completion::ignored_with(
            "starts Chromium: set TEITEN_TEST_FULL=1",
        ));
    }
    if !Command::new("chromium")
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success())
    {
        return Ok(Completion::ignored_with(
            "there is no Chromium: apt-get install chromium fonts-noto-cjk",
        ));
    }
    if name == LAYOUT {
        layout(world)?;
    } else {
        paper(world)?;
    }
    Ok(Completion::Completed)
}

fn chromium(folder: &Path, arguments: &[&str], page: &Path) -> Result<Vec<u8>, Failed> {
    let output = Command::new("timeout")
        .args([
            "300",
            "chromium",
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--window-size=900,1200",
        ])
        .arg(format!("--user-data-dir={}", folder.join("profile").display()))
        .args(arguments)
        .arg(format!("file://{}", page.display()))
        .output()?;
    if !output.status.success() {
        return Err(format!("chromium: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(output.stdout)
}

/// The page of the quarter, with notes and events, and the digest of a day.
fn all_pages(world: &World) -> Result<Vec<(String, String)>, Failed> {
    let mut request = request();
    request.period = period::range(date(2022, 11, 8), date(2022, 11, 8))?;
    request.top = 5;
    request.months = false;
    let day = report(world.directory.path(), &request)?;
    let mut all = Vec::new();
    for language in LANGUAGES {
        all.push((
            format!("quarter.{}", language.tag()),
            text(&pages(&world.report, language), ".html"),
        ));
        all.push((
            format!("day.{}", language.tag()),
            text(&pages(&day, language), ".html"),
        ));
    }
    Ok(all)
}

fn layout(world: &World) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let mut pages = all_pages(world)?;
    // The control: a page that has both faults.
    let wrong = "<body><p style='position:absolute;top:9px'>one</p><p style='position:absolute;top:9px'>two</p>\
                 <p>\u{10fffd}</p></body>";
    pages.push(("wrong".to_owned(), wrong.to_owned()));
    for (name, page) in pages {
        let path = folder.path().join(format!("{name}.html"));
        let (policy, rest) = page.split_once("default-src 'none'").unwrap_or(("", &page));
        let page = format!("{policy}{}", rest.replace("</body>", &format!("{SCRIPT}</body>")));
        fs::write(&path, page)?;
        let document = String::from_utf8(chromium(
            folder.path(),
            &["--virtual-time-budget=5000", "--dump-dom"],
            &path,
        )?)?;
        let found = document
            .split("<pre id=\"found\">")
            .nth(1)
            .and_then(|rest| rest.split("</pre>").next());
        let found = found.ok_or_else(|| format!("{name}: nothing was looked at: {document:.500}"))?;
        let (looked_at, faults) = found.split_once('\n').unwrap_or((found, ""));
        if name == "wrong" {
            assert!(
                faults.contains("overlap: one / two") && faults.contains("no glyph"),
                "{found}"
            );
        } else {
            assert_eq!(faults.trim(), "", "{name}");
            let texts: usize = looked_at.split(' ').next().unwrap_or("").parse()?;
            assert!(texts > 100, "{name}: {looked_at}");
        }
    }
    Ok(())
}

/// Sheets of a printed page, and whether each is A4.
fn paper(world: &World) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    for (name, page) in all_pages(world)? {
        let path = folder.path().join(format!("{name}.html"));
        let print = folder.path().join(format!("{name}.pdf"));
        fs::write(&path, page)?;
        let to = format!("--print-to-pdf={}", print.display());
        chromium(folder.path(), &["--no-pdf-header-footer", &to], &path)?;
        let pdf = String::from_utf8_lossy(&fs::read(&print)?).into_owned();
        let sheets: Vec<&str> = pdf
            .split("/MediaBox [")
            .skip(1)
            .filter_map(|rest| rest.split(']').next())
            .collect();
        assert!(!sheets.is_empty(), "{name}");
        for sheet in &sheets {
            let sides: Vec<f64> = sheet
                .split_whitespace()
                .filter_map(|side| side.parse().ok())
                .collect();
            // 210 by 297 mm, in points.
            assert!(
                (sides[2] - 595.3).abs() < 1.0 && (sides[3] - 841.9).abs() < 1.0,
                "{name}: {sheet}"
            );
        }
        if name.starts_with("day") {
            assert_eq!(sheets.len(), 1, "{name}");
        } else {
            assert!((5..=12).contains(&sheets.len()), "{name}: {}", sheets.len());
        }
    }
    Ok(())
}

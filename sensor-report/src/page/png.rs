//! Figures as PNG, drawn from their SVG at twice its size.

use std::path::PathBuf;

use resvg::{tiny_skia, usvg};

use super::{File, PageError, drawings::Drawing};

const SCALE: f32 = 2.0;
/// What is taken first for characters of Japanese.
const FAMILIES: [&str; 5] = [
    "Noto Sans CJK JP",
    "Noto Sans JP",
    "IPAexGothic",
    "IPAGothic",
    "VL PGothic",
];

/// Every figure.
///
/// # Errors
/// When one cannot be drawn.
pub(crate) fn pictures(drawings: &[Drawing], tag: &str) -> Result<Vec<File>, PageError> {
    if drawings.is_empty() {
        return Ok(Vec::new());
    }
    let options = options();
    let picture = |drawing: &Drawing| {
        let bytes = draw(&drawing.svg, &options).map_err(|cause| PageError::Picture {
            figure: drawing.name.clone(),
            cause,
        })?;
        Ok(File {
            path: PathBuf::from(drawing.file(tag, "png")),
            bytes,
        })
    };
    drawings.iter().map(picture).collect()
}

/// With the fonts of this machine.
fn options() -> usvg::Options<'static> {
    let mut options = usvg::Options::default();
    let fonts = options.fontdb_mut();
    fonts.load_system_fonts();
    let known = FAMILIES.iter().find(|family| {
        fonts
            .faces()
            .any(|face| face.families.iter().any(|(name, _)| name == *family))
    });
    if let Some(family) = known {
        fonts.set_sans_serif_family(*family);
    }
    options
}

fn draw(svg: &str, options: &usvg::Options<'_>) -> Result<Vec<u8>, String> {
    let tree = usvg::Tree::from_str(svg, options).map_err(|error| error.to_string())?;
    let size = tree
        .size()
        .to_int_size()
        .scale_by(SCALE)
        .ok_or("it has no size")?;
    let mut pixels = tiny_skia::Pixmap::new(size.width(), size.height()).ok_or("it has no pixels")?;
    resvg::render(
        &tree,
        tiny_skia::Transform::from_scale(SCALE, SCALE),
        &mut pixels.as_mut(),
    );
    pixels.encode_png().map_err(|error| error.to_string())
}

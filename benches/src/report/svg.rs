//! Two kinds of plots as SVG text: horizontal bars in parts, and lines over a logarithmic axis.

use super::table::number;

const WIDTH: f64 = 760.0;
const LEFT: f64 = 150.0;
const RIGHT: f64 = 90.0;
const TOP: f64 = 64.0;
const ROW: f64 = 30.0;
const PLOT_HEIGHT: f64 = 300.0;

/// Told apart by those who see few colours too (Okabe and Ito).
const COLOURS: [&str; 8] = [
    "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#f0e442", "#000000",
];

/// One bar, its parts laid end to end.
pub(super) struct Bar {
    pub(super) label: &'static str,
    pub(super) parts: Vec<f64>,
}

impl Bar {
    fn sum(&self) -> f64 {
        self.parts.iter().sum()
    }
}

/// Bars below each other, with their sums behind them.
pub(super) fn bars(title: &str, legend: &[&str], bars: &[Bar], digits: usize) -> String {
    let longest = bars
        .iter()
        .map(Bar::sum)
        .fold(0.0, f64::max)
        .max(f64::MIN_POSITIVE);
    let scale = (WIDTH - LEFT - RIGHT) / longest;
    let mut body = String::new();
    if legend.len() > 1 {
        body.push_str(&legend_of(legend));
    }
    let mut top = TOP;
    for bar in bars {
        let middle = top + ROW / 2.0;
        body.push_str(&text(LEFT - 8.0, middle, "end", bar.label));
        let mut left = LEFT;
        for (part, colour) in bar.parts.iter().zip(COLOURS) {
            let width = part.max(0.0) * scale;
            let height = ROW - 8.0;
            let y = top + 4.0;
            body.push_str(&format!(
                "<rect x=\"{left:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" \
                 fill=\"{colour}\"/>\n"
            ));
            left += width;
        }
        body.push_str(&text(
            left + 6.0,
            middle,
            "start",
            &number(bar.sum(), digits),
        ));
        top += ROW;
    }
    document(title, top + 16.0, &body)
}

/// A line for each of `series` over `labels`.
pub(super) fn lines(title: &str, labels: &[&str], series: &[(&str, Vec<f64>)]) -> String {
    if series.is_empty() {
        return document(title, TOP, "");
    }
    let values = || series.iter().flat_map(|(_, values)| values.iter().copied());
    let lowest = power_of_ten(values().fold(f64::INFINITY, f64::min)).floor();
    let highest = power_of_ten(values().fold(f64::MIN_POSITIVE, f64::max)).ceil();
    let span = (highest - lowest).max(1.0);
    let y = |value: f64| TOP + PLOT_HEIGHT * (1.0 - (power_of_ten(value) - lowest) / span);
    let step = (WIDTH - LEFT - RIGHT) / (labels.len().max(2) - 1) as f64;
    let x = |index: usize| LEFT + step * index as f64;

    let mut body = legend_of(&series.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    let mut power = lowest;
    while power <= lowest + span {
        let value = 10_f64.powf(power);
        let (at, right) = (y(value), WIDTH - RIGHT);
        body.push_str(&format!(
            "<line x1=\"{LEFT}\" y1=\"{at:.1}\" x2=\"{right}\" y2=\"{at:.1}\" stroke=\"#ddd\"/>\n"
        ));
        body.push_str(&text(LEFT - 8.0, at, "end", &format!("{value}")));
        power += 1.0;
    }
    for (index, label) in labels.iter().enumerate() {
        body.push_str(&text(x(index), TOP + PLOT_HEIGHT + 16.0, "middle", label));
    }
    for ((_, values), colour) in series.iter().zip(COLOURS) {
        let points = values.iter().enumerate();
        let points = points.map(|(index, value)| format!("{:.1},{:.1}", x(index), y(*value)));
        let points: Vec<_> = points.collect();
        body.push_str(&format!(
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>\n",
            points.join(" ")
        ));
    }
    document(title, TOP + PLOT_HEIGHT + 36.0, &body)
}

/// The logarithm; what is not above nothing is drawn as a thousandth.
fn power_of_ten(value: f64) -> f64 {
    value.max(0.001).log10()
}

fn legend_of(names: &[&str]) -> String {
    let mut left = 16.0;
    let mut legend = String::new();
    for (name, colour) in names.iter().zip(COLOURS) {
        legend.push_str(&format!(
            "<rect x=\"{left:.1}\" y=\"38\" width=\"10\" height=\"10\" fill=\"{colour}\"/>\n"
        ));
        legend.push_str(&text(left + 14.0, 43.0, "start", name));
        left += 34.0 + 7.0 * name.len() as f64;
    }
    legend
}

fn text(x: f64, y: f64, anchor: &str, words: &str) -> String {
    format!(
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" dominant-baseline=\"middle\">{}\
         </text>\n",
        escaped(words)
    )
}

fn document(title: &str, height: f64, body: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height:.0}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"16\" y=\"22\" font-size=\"15\" font-weight=\"bold\">{}</text>\n{body}</svg>\n",
        escaped(title)
    )
}

fn escaped(words: &str) -> String {
    let words = words.replace('&', "&amp;");
    words.replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_its_share_of_the_longest() {
        let all = [
            Bar {
                label: "a<b",
                parts: vec![30.0, 10.0],
            },
            Bar {
                label: "c",
                parts: vec![20.0],
            },
        ];
        let svg = bars("t", &["x", "y"], &all, 0);
        for part in [
            "width=\"390.0\"",
            "width=\"130.0\"",
            "width=\"260.0\"",
            "a&lt;b",
            ">40<",
        ] {
            assert!(svg.contains(part), "{part} in {svg}");
        }
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
    }

    #[test]
    fn lines_stand_between_powers_of_ten() {
        let svg = lines("t", &["p50", "max"], &[("a", vec![1.0, 100.0])]);
        assert!(svg.contains("points=\"150.0,364.0 670.0,64.0\""), "{svg}");
        for label in [">1<", ">10<", ">100<", ">p50<"] {
            assert!(svg.contains(label), "{label} in {svg}");
        }
    }

    #[test]
    fn nothing_to_draw_is_no_error() {
        assert!(bars("t", &[], &[], 0).ends_with("</svg>\n"));
        assert!(lines("t", &[], &[]).ends_with("</svg>\n"));
    }
}

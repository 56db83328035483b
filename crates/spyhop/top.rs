//! `spyhop top`: a running sensor at a glance, asked by its local socket.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use ratatui::Frame;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Cell, Paragraph, Row, Table};

use crate::cli::exit;
use crate::metrics::{self, Picture};
use crate::pipeline::DELAYS;
use crate::session::{self, Failure};

const AFTER: &str = "\
Examples:
  sudo spyhop top --state /var/lib/spyhop
  spyhop top --socket /run/spyhop/socket --once | jq .totals

q or Ctrl-C ends it; the sensor goes on.";

/// `spyhop top`.
#[derive(Args, Clone, Debug)]
#[command(after_help = AFTER)]
pub struct Top {
    /// The configuration of the sensor. Default: ./sensor.toml, else /etc/spyhop/sensor.toml.
    #[arg(short, long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub config: Option<PathBuf>,

    /// The sensor's state directory, in which its socket is.
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    pub state: Option<PathBuf>,

    /// The sensor's socket.
    #[arg(long, value_name = "PATH", value_hint = clap::ValueHint::FilePath, conflicts_with = "state")]
    pub socket: Option<PathBuf>,

    /// Print one picture as JSON and end.
    #[arg(long)]
    pub once: bool,
}

/// How often the sensor is asked.
const EVERY: Duration = Duration::from_secs(1);

/// Shows a running sensor until the operator has seen enough.
///
/// # Errors
/// No sensor answers there.
pub fn top(command: &Top) -> Result<u8, Failure> {
    let config = session::config(command.config.as_deref())?;
    let general = config.section("general");
    let setup = crate::cli::Setup { state: command.state.clone(), ..crate::cli::Setup::default() };
    let state = session::state_folder(&setup, &general);
    let socket = command.socket.clone().or_else(|| metrics::local_socket(&config.section("metrics"), state.as_deref()));
    let Some(socket) = socket else {
        return Err(Failure::usage(
            "which sensor? give --state DIR or --socket PATH, or set `state` in [general] of sensor.toml",
        ));
    };
    if command.once || !std::io::stdout().is_terminal() {
        let text = ask_text(&socket)?;
        return match session::print(&(text + "\n")) {
            Ok(()) | Err(spyhop_publish::SinkError::Closed) => Ok(exit::DONE),
            Err(wrong) => Err(Failure::failed(wrong.to_string())),
        };
    }
    let mut view = View { now: look(&socket)?, before: None, gone: None };
    let mut terminal = ratatui::init();
    let ended = watch(&mut terminal, &socket, &mut view);
    ratatui::restore();
    ended.map_err(|wrong| Failure::failed(format!("terminal: {wrong}")))?;
    Ok(exit::DONE)
}

fn ask_text(socket: &Path) -> Result<String, Failure> {
    metrics::ask(socket, "/picture").map_err(|wrong| {
        Failure::failed(format!(
            "{}: {wrong}; is a sensor running with this state directory, and may you ask it?",
            socket.display()
        ))
    })
}

fn look(socket: &Path) -> Result<Picture, Failure> {
    serde_json::from_str(&ask_text(socket)?).map_err(|wrong| Failure::failed(format!("{}: {wrong}", socket.display())))
}

/// Two pictures, one after the other: rates are what grew between them.
struct View {
    now: Picture,
    before: Option<Picture>,
    /// Why the sensor does not answer any more.
    gone: Option<String>,
}

fn watch(terminal: &mut ratatui::DefaultTerminal, socket: &Path, view: &mut View) -> std::io::Result<()> {
    loop {
        terminal.draw(|frame| draw(frame, view))?;
        let asked = Instant::now();
        while asked.elapsed() < EVERY {
            if event::poll(EVERY.saturating_sub(asked.elapsed()))?
                && let Event::Key(key) = event::read()?
                && key.kind == KeyEventKind::Press
            {
                let is_ctrl_c = key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
                if is_ctrl_c || matches!(key.code, KeyCode::Char('q') | KeyCode::Esc) {
                    return Ok(());
                }
            }
        }
        match look(socket) {
            Ok(now) => {
                let last = std::mem::replace(&mut view.now, now);
                view.before = (last.uptime < view.now.uptime).then_some(last);
                view.gone = None;
            }
            Err(wrong) => view.gone = Some(wrong.text),
        }
    }
}

impl View {
    /// What a total grew by in a second.
    fn rate(&self, name: &str) -> f64 {
        let of = |picture: &Picture| picture.totals.get(name).copied().unwrap_or(0);
        self.per_second(of(&self.now) as f64, self.before.as_ref().map(|before| of(before) as f64))
    }

    fn per_second(&self, now: f64, before: Option<f64>) -> f64 {
        match (&self.before, before) {
            (Some(last), Some(before)) if self.now.uptime > last.uptime => {
                (now - before).max(0.0) / (self.now.uptime - last.uptime)
            }
            _ => now / self.now.uptime.max(1.0),
        }
    }

    fn seconds(&self) -> f64 {
        self.before.as_ref().map_or(self.now.uptime, |before| self.now.uptime - before.uptime).max(0.001)
    }
}

fn draw(frame: &mut Frame<'_>, view: &View) {
    let now = &view.now;
    let wrong = now.troubles.len() + usize::from(view.gone.is_some());
    let losses = now.losses.len().min(6);
    let [head, numbers, middle, findings, trouble] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(7),
        Constraint::Min(5),
        Constraint::Min(5),
        Constraint::Length(if wrong > 0 { wrong as u16 + 2 } else { 0 }),
    ])
    .areas(frame.area());
    let bold = Style::new().add_modifier(Modifier::BOLD);
    let title = vec![
        Span::styled(format!(" {} ", now.sensor), bold),
        Span::raw(format!("spyhop {}  up {}  ", now.version, duration(now.uptime))),
        match (wrong, now.losses.is_empty()) {
            (0, true) => Span::styled("well", Style::new().fg(Color::Green)),
            (0, false) => Span::styled("losses", Style::new().fg(Color::Yellow)),
            _ => Span::styled("trouble", Style::new().fg(Color::Red)),
        },
        Span::raw("  (q ends)"),
    ];
    frame.render_widget(Paragraph::new(Line::from(title)), head);
    draw_numbers(frame, numbers, view);
    let [endpoints, lost] =
        Layout::horizontal([Constraint::Min(40), Constraint::Length(if losses > 0 { 40 } else { 0 })]).areas(middle);
    let rows = now.endpoints.iter().map(|(name, calls)| {
        Row::new([Cell::from(format!("{:>9}", rate(*calls as f64 / view.seconds()))), Cell::from(name.as_str())])
    });
    let table = Table::new(rows, [Constraint::Length(9), Constraint::Fill(1)]);
    frame.render_widget(table.block(Block::bordered().title(" Endpoints, calls a second ")), endpoints);
    let rows = now.losses.iter().map(|(reason, count)| {
        Row::new([Cell::from(format!("{count:>12}")), Cell::from(reason.as_str())])
            .style(Style::new().fg(Color::Yellow))
    });
    let table = Table::new(rows, [Constraint::Length(12), Constraint::Fill(1)]);
    frame.render_widget(table.block(Block::bordered().title(" Lost, cut or skipped ")), lost);
    let rows = now.findings.iter().map(|finding| {
        let color = match finding.severity.as_str() {
            "critical" | "high" => Color::Red,
            "medium" => Color::Yellow,
            _ => Color::Reset,
        };
        Row::new([
            Cell::from(finding.at.get(11..19).unwrap_or_default()),
            Cell::from(finding.severity.as_str()).style(Style::new().fg(color)),
            Cell::from(finding.change.as_str()),
            Cell::from(finding.kind.as_str()),
            Cell::from(finding.summary.as_str()),
        ])
    });
    let widths = [
        Constraint::Length(8),
        Constraint::Length(8),
        Constraint::Length(8),
        Constraint::Length(26),
        Constraint::Fill(1),
    ];
    frame.render_widget(Table::new(rows, widths).block(Block::bordered().title(" Findings (UTC) ")), findings);
    let lines = view.gone.iter().chain(&now.troubles).map(|text| Line::from(text.as_str()));
    let style = Style::new().fg(Color::Red);
    frame.render_widget(
        Paragraph::new(lines.collect::<Vec<_>>()).style(style).block(Block::bordered().title(" Trouble ")),
        trouble,
    );
}

fn draw_numbers(frame: &mut Frame<'_>, area: Rect, view: &View) {
    let now = &view.now;
    let level = |name: &str| now.levels.get(name).copied().unwrap_or(0) as f64;
    let total = |name: &str| now.totals.get(name).copied().unwrap_or(0) as f64;
    let [left, middle, right] =
        Layout::horizontal([Constraint::Fill(1), Constraint::Fill(1), Constraint::Fill(1)]).areas(area);
    let table = |title: &'static str, rows: Vec<(String, String)>| {
        let rows =
            rows.into_iter().map(|(name, value)| Row::new([Cell::from(name), Cell::from(format!("{value:>14}"))]));
        Table::new(rows, [Constraint::Fill(1), Constraint::Length(14)]).block(Block::bordered().title(title))
    };
    let mut wire = vec![
        ("packets/s".to_owned(), rate(view.rate("packets"))),
        ("Mbit/s".to_owned(), format!("{:.1}", view.rate("captured_bytes") * 8.0 / 1e6)),
    ];
    wire.extend(now.interfaces.iter().take(3).map(|interface| {
        let state = if interface.up { "" } else { " (away)" };
        let dropped = interface.dropped + interface.interface_dropped;
        (format!("{}{state}", interface.name), format!("{} dropped", rate(dropped as f64)))
    }));
    frame.render_widget(table(" Wire ", wire), left);
    let traffic = vec![
        ("exchanges/s".to_owned(), rate(view.rate("exchanges"))),
        ("logins/s".to_owned(), rate(view.rate("logins"))),
        ("sensitive values/s".to_owned(), rate(view.rate("sensitive_values"))),
        ("connections open".to_owned(), rate(level("connections_open"))),
        ("exchanges".to_owned(), rate(total("exchanges"))),
    ];
    frame.render_widget(table(" Traffic ", traffic), middle);
    let cpu = view.per_second(now.cpu, view.before.as_ref().map(|before| before.cpu));
    let work = vec![
        ("processor".to_owned(), format!("{:.0} %", cpu * 100.0)),
        ("memory".to_owned(), format!("{} MB", now.memory / 1_000_000)),
        ("to finding, median".to_owned(), quantile(&now.delays, 0.5)),
        ("99th percentile".to_owned(), quantile(&now.delays, 0.99)),
        (
            "batches, records".to_owned(),
            format!("{:.0}, {:.0}", level("batches_waiting"), level("records_unpublished")),
        ),
    ];
    frame.render_widget(table(" Sensor ", work), right);
}

/// The bound under which that part of the delays lies.
fn quantile(delays: &[u64], part: f64) -> String {
    let all: u64 = delays.iter().sum();
    if all == 0 {
        return "-".to_owned();
    }
    let wanted = (all as f64 * part).ceil() as u64;
    let mut sum = 0;
    let place = delays.iter().position(|count| {
        sum += count;
        sum >= wanted
    });
    match place.and_then(|place| DELAYS.get(place)) {
        Some(bound) => format!("≤ {bound} ms"),
        None => "> 5 s".to_owned(),
    }
}

fn rate(value: f64) -> String {
    match value {
        v if v >= 10_000_000.0 => format!("{:.0} M", v / 1e6),
        v if v >= 10_000.0 => format!("{:.0} k", v / 1e3),
        v if v >= 10.0 || v == 0.0 => format!("{v:.0}"),
        v => format!("{v:.1}"),
    }
}

fn duration(seconds: f64) -> String {
    let seconds = seconds as u64;
    match (seconds / 86_400, seconds % 86_400 / 3_600, seconds % 3_600 / 60) {
        (0, 0, minutes) => format!("{minutes} min {} s", seconds % 60),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::*;

    #[test]
    fn a_picture_shows_rates_losses_and_trouble() {
        let mut now = Picture {
            sensor: "edge-1".into(),
            uptime: 62.0,
            endpoints: vec![("GET crm.example/customers/{id}".into(), 50)],
            delays: vec![0, 0, 0, 0, 90, 9, 0, 1, 0, 0, 0, 0, 0],
            ..Picture::default()
        };
        now.totals.insert("packets".into(), 3_000);
        let mut before = now.clone();
        before.uptime = 60.0;
        before.totals.insert("packets".into(), 1_000);
        now.losses.insert("kernel_dropped".into(), 7);
        now.troubles.push("eth1 is not read".into());
        let view = View { now, before: Some(before), gone: None };
        let mut terminal = Terminal::new(TestBackend::new(120, 30)).expect("a terminal");
        terminal.draw(|frame| draw(frame, &view)).expect("drawn");
        let screen = terminal.backend().to_string();
        for part in [
            "edge-1",
            "up 1 min 2 s",
            "trouble",
            "1000",
            "25 GET crm",
            "≤ 20 ms",
            "≤ 50 ms",
            "7 kernel_dropped",
            "eth1 is not read",
        ] {
            assert!(screen.contains(part), "no {part} in\n{screen}");
        }
    }
}

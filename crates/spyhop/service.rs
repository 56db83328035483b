//! A live sensor as a service: it says when it is ready and that it goes on, and takes a new configuration while it runs.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;
use sd_notify::NotifyState;
use spyhop_detect::Engine;
use spyhop_model::Key;

use crate::config::render;
use crate::metrics::Monitor;
use crate::session;
use crate::settings::{Config, sections};

/// How often it looks around.
const EVERY: Duration = Duration::from_millis(500);
/// How often the service manager gets a line of status.
const STATUS: Duration = Duration::from_secs(5);

/// What happens beside the pipeline, from the capture thread's looks.
pub struct Service {
    /// The file that the configuration was read from, if it was named.
    pub named: Option<PathBuf>,
    /// What is in force.
    pub config: Config,
    /// For engines with new settings.
    pub key: Key,
    /// Where a new engine goes.
    pub engines: Sender<Engine>,
    /// Set by SIGHUP.
    pub reload: Arc<AtomicBool>,
    /// How the sensor fares.
    pub monitor: Option<Arc<Monitor>>,
    looked: Option<Instant>,
    told: Option<Instant>,
    is_ready: bool,
}

impl Service {
    /// Of a configuration that is in force.
    pub fn new(
        named: Option<PathBuf>,
        config: Config,
        key: Key,
        engines: Sender<Engine>,
        reload: Arc<AtomicBool>,
        monitor: Option<Arc<Monitor>>,
    ) -> Service {
        Service { named, config, key, engines, reload, monitor, looked: None, told: None, is_ready: false }
    }

    /// Does what is due.
    pub fn look(&mut self) {
        if self.looked.is_some_and(|at| at.elapsed() < EVERY) {
            return;
        }
        self.looked = Some(Instant::now());
        if !std::mem::replace(&mut self.is_ready, true) {
            notify(&[NotifyState::Ready]);
        }
        if self.reload.swap(false, Ordering::Relaxed) {
            if let Ok(now) = NotifyState::monotonic_usec_now() {
                notify(&[NotifyState::Reloading, now]);
            }
            self.take_configuration();
            notify(&[NotifyState::Ready]);
        }
        let Some(monitor) = &self.monitor else { return };
        if monitor.is_alive() {
            notify(&[NotifyState::Watchdog]);
        }
        if self.told.is_none_or(|at| at.elapsed() >= STATUS) {
            self.told = Some(Instant::now());
            let troubles = monitor.troubles();
            let status = match troubles.first() {
                Some(trouble) => trouble.clone(),
                None => {
                    let (source, behaviour) = (monitor.pulse.source(), monitor.pulse.behaviour(false));
                    let opened: u64 = behaviour.opened.values().sum();
                    format!("{} packets, {} exchanges, {opened} findings", source.packets, behaviour.seen.exchanges)
                }
            };
            notify(&[NotifyState::Status(&status)]);
        }
    }

    /// Reads the configuration again. Detectors and findings take theirs at once; whatever else was changed takes a restart.
    fn take_configuration(&mut self) {
        let new = match Config::load(self.named.as_deref()) {
            Ok(new) => new,
            Err(mistakes) => {
                eprintln!("spyhop: the configuration stays as it was:\n{}", render(&mistakes).trim_end());
                return;
            }
        };
        let changed = |name: &str| self.config.document().object(name) != new.document().object(name);
        let (mut taken, mut refused) = (Vec::new(), Vec::new());
        for section in sections().iter().filter(|section| changed(section.name)) {
            if is_detection(section.name) { taken.push(section.name) } else { refused.push(section.name) }
        }
        for name in &refused {
            eprintln!(
                "spyhop: [{name}] was changed and stays as it was: threads, memory, files and connections are made at the start; restart the sensor"
            );
        }
        if taken.is_empty() {
            eprintln!("spyhop: nothing else in the configuration was changed");
            return;
        }
        match session::engine(&new, &self.key, true) {
            Ok(engine) => {
                // The pipeline ends with this value's owner only.
                let _ = self.engines.send(engine);
                eprintln!("spyhop: in force as changed: [{}]", taken.join("], ["));
                self.config = new.with_others_of(&self.config, is_detection);
            }
            Err(wrong) => eprintln!("spyhop: the configuration stays as it was: {}", wrong.text),
        }
    }
}

/// Whether a section is of detection, which can take new settings while it runs.
fn is_detection(section: &str) -> bool {
    matches!(section, "detect" | "findings") || spyhop_detect::rule(section).is_some()
}

/// Tells the service manager, if there is one.
pub fn notify(what: &[NotifyState]) {
    let _ = sd_notify::notify(what);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_section_is_of_detection_or_takes_a_restart() {
        let (detection, rest): (Vec<_>, Vec<_>) =
            sections().iter().map(|section| section.name).partition(|name| is_detection(name));
        assert!(detection.contains(&"auth.brute_force") && detection.contains(&"sensor.loss"), "{detection:?}");
        assert!(rest.contains(&"kafka") && rest.contains(&"pipeline"), "{rest:?}");
    }
}

use super::*;
use spyhop_model::LoginMethod;
use spyhop_testkit::event;

impl Identity {
    fn event(&mut self, call: Call) -> Event {
        let mut out = Vec::new();
        self.resolve(call, &mut out);
        out.pop().expect("an event")
    }
}

fn identity() -> Identity {
    let locations = Locations::open(&Networks::default()).expect("the built-in database");
    Identity::new(locations, Limits::default(), Key::new([3; 32]))
}

#[test]
fn a_call_becomes_an_event_with_account_and_places() {
    let mut identity = identity();
    let call = event().post("a.example/login").from("8.8.8.8").login("alice", Outcome::Success).build(1).call;
    let event = identity.event(call);
    assert_eq!(event.account.as_deref(), Some("alice"));
    assert_eq!(event.client.zone, spyhop_model::Zone::Overseas);
    assert_eq!(event.server.zone, spyhop_model::Zone::Inside);
}

#[test]
fn repeated_basic_credentials_are_one_attempt_also_after_a_restart() {
    let mut first = identity();
    let call = |n| {
        let mut call = event().get("a.example/x").login("alice", Outcome::Success).build(n).call;
        call.login.as_mut().expect("a login").method = LoginMethod::Basic;
        call
    };
    assert!(first.event(call(1)).login().is_some());
    assert!(first.event(call(2)).login().is_none());
    let mut second = identity();
    second.load(first.save().expect("a snapshot")).expect("the snapshot");
    assert!(second.event(call(3)).login().is_none());
}

//! What a live sensor may do, given up step by step: the user, the capabilities, new privileges, system calls, files and ports.
//!
//! On Linux capabilities belong to threads. The first thread keeps `CAP_NET_RAW` until the thread that opens interfaces has been started,
//! and starts all others without it.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, NetPort, Ruleset, RulesetAttr, RulesetCreatedAttr,
    RulesetError, RulesetStatus, path_beneath_rules,
};
use rustix::process::{Gid, Uid};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, clear_ambient_capability_set, set_capabilities, set_keep_capabilities,
    set_no_new_privs, set_thread_groups, set_thread_res_gid, set_thread_res_uid,
};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    apply_filter,
};

/// What is in force, each in a sentence.
pub type InForce = Vec<String>;

/// Gives up all but what opening interfaces takes. Before any other thread is started.
///
/// # Errors
/// A sentence: there is no such user, or the kernel refuses.
pub fn become_user(user: &str) -> Result<InForce, String> {
    let failed = |wrong: rustix::io::Errno| format!("privileges cannot be given up: {wrong}");
    let mut in_force = InForce::new();
    let is_root = rustix::process::geteuid().is_root();
    if is_root && !user.is_empty() {
        let (uid, gid) = find(user)?;
        set_keep_capabilities(true).map_err(failed)?;
        set_thread_groups(&[gid]).map_err(failed)?;
        set_thread_res_gid(gid, gid, gid).map_err(failed)?;
        set_thread_res_uid(uid, uid, uid).map_err(failed)?;
        in_force.push(format!("runs as {user}"));
    }
    // Root without a user of its own may want to write into somebody's directory, as with sudo.
    let rest = if is_root && user.is_empty() { CapabilitySet::DAC_OVERRIDE } else { CapabilitySet::empty() };
    keep(CapabilitySet::NET_RAW | rest).map_err(failed)?;
    set_no_new_privs(true).map_err(failed)?;
    in_force.push("no new privileges".to_owned());
    Ok(in_force)
}

/// Gives up what opening interfaces takes: for this thread and those that it starts from now on.
///
/// # Errors
/// A sentence: the kernel refuses.
pub fn forsake_capture() -> Result<InForce, String> {
    let failed = |wrong: rustix::io::Errno| format!("capabilities cannot be given up: {wrong}");
    keep(CapabilitySet::DAC_OVERRIDE).map_err(failed)?;
    let mut in_force = vec!["CAP_NET_RAW in the thread that opens interfaces alone".to_owned()];
    // An older kernel, or one in a container, may have no filters.
    in_force.extend(filter().map(|()| "seccomp: starts no program, opens no packet socket".to_owned()));
    Ok(in_force)
}

/// Allows writing beneath these directories alone, listening by TCP on `port` alone, and connecting only where that is asked for.
pub fn fence(writable: &[PathBuf], port: Option<u16>, connects: bool) -> InForce {
    let abi = ABI::V5;
    let network = if connects { AccessNet::BindTcp.into() } else { AccessNet::from_all(abi) };
    let fenced = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_write(abi))
        .and_then(|rules| rules.handle_access(network))
        .and_then(Ruleset::create)
        .and_then(|rules| {
            rules.add_rules(port.map(|port| Ok::<_, RulesetError>(NetPort::new(port, AccessNet::BindTcp))))
        })
        .and_then(|rules| rules.add_rules(path_beneath_rules(writable, AccessFs::from_write(abi))))
        .and_then(|rules| rules.restrict_self());
    match fenced {
        Ok(status) if status.ruleset != RulesetStatus::NotEnforced => {
            let ports =
                if connects { "listens on no other port" } else { "connects to nobody, listens on no other port" };
            let places = writable.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ");
            vec![format!("landlock: writes into {places} alone, {ports}")]
        }
        _ => InForce::new(),
    }
}

fn keep(wanted: CapabilitySet) -> rustix::io::Result<()> {
    let kept = capabilities(None)?.permitted & wanted;
    // What is not there to be cleared needs no clearing.
    let _ = clear_ambient_capability_set();
    set_capabilities(None, CapabilitySets { effective: kept, permitted: kept, inheritable: CapabilitySet::empty() })
}

/// Denies what no part of a sensor ever does.
fn filter() -> Option<()> {
    let denied = [
        libc::SYS_execve,
        libc::SYS_execveat,
        libc::SYS_ptrace,
        libc::SYS_process_vm_readv,
        libc::SYS_process_vm_writev,
        libc::SYS_mount,
        libc::SYS_umount2,
        libc::SYS_pivot_root,
        libc::SYS_chroot,
        libc::SYS_init_module,
        libc::SYS_finit_module,
        libc::SYS_delete_module,
        libc::SYS_kexec_load,
        libc::SYS_bpf,
        libc::SYS_perf_event_open,
        libc::SYS_userfaultfd,
        libc::SYS_setns,
        libc::SYS_unshare,
        libc::SYS_reboot,
        libc::SYS_keyctl,
        libc::SYS_add_key,
    ];
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = denied.into_iter().map(|number| (number, Vec::new())).collect();
    let packet = SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, libc::AF_PACKET as u64).ok()?;
    rules.insert(libc::SYS_socket, vec![SeccompRule::new(vec![packet]).ok()?]);
    let refuse = SeccompAction::Errno(libc::EPERM as u32);
    let arch = std::env::consts::ARCH.try_into().ok()?;
    let program: BpfProgram = SeccompFilter::new(rules, SeccompAction::Allow, refuse, arch).ok()?.try_into().ok()?;
    apply_filter(&program).ok()
}

/// A user's number and group, from the table of users on this host.
fn find(user: &str) -> Result<(Uid, Gid), String> {
    let table = fs::read_to_string("/etc/passwd").map_err(|wrong| format!("/etc/passwd: {wrong}"))?;
    let of = |line: &str| {
        let mut fields = line.split(':');
        let (name, _, uid, gid) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
        (name == user).then_some((uid.parse().ok()?, gid.parse().ok()?))
    };
    match table.lines().find_map(of) {
        Some((uid, gid)) => Ok((Uid::from_raw(uid), Gid::from_raw(gid))),
        None => Err(format!(
            "there is no user {user} on this host: `useradd --system --no-create-home {user}`, or change `user` in [general]"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_found_by_name() {
        assert_eq!(find("root").map(|(uid, _)| uid.is_root()), Ok(true));
        assert!(find("no-such-user").expect_err("none").contains("useradd"));
    }

    #[test]
    fn a_thread_that_gave_up_everything_can_do_little() {
        // Each test has a thread of its own, and what is given up is given up for that thread.
        let folder = tempfile::tempdir().expect("a folder");
        let (inside, outside) = (folder.path().join("in"), folder.path().join("out"));
        fs::create_dir_all(&inside).expect("a folder");
        fs::create_dir_all(&outside).expect("a folder");
        let (program, path) = ("/bin/true", inside.clone());
        let thread = std::thread::spawn(move || {
            become_user("").expect("given up");
            let filtered = forsake_capture().expect("given up").len() > 1;
            let fenced = !fence(std::slice::from_ref(&path), None, false).is_empty();
            let starts = std::process::Command::new(program).status().is_ok();
            assert!(fs::write(path.join("file"), "x").is_ok());
            let writes = fs::write(outside.join("file"), "x").is_ok();
            let connects = std::net::TcpListener::bind("127.0.0.1:0").is_ok();
            (filtered, fenced, starts, writes, connects)
        });
        let (filtered, fenced, starts, writes, connects) = thread.join().expect("its end");
        if !filtered || !fenced {
            eprintln!("SKIPPED in part: seccomp {filtered}, landlock {fenced} on this kernel");
        }
        assert!(!(filtered && starts) && !(fenced && (writes || connects)), "{starts} {writes} {connects}");
    }
}

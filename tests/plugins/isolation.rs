//! What surrounds a program: environment, descriptors, folder, limits, and that nothing of it remains.

use std::fs;
use std::os::fd::AsRawFd as _;

use super::rig::{HELLO, Rig, is_alive, records, until};

const DONE: &str = r#"echo '{"type":"done","id":1}'
"#;

#[tokio::test]
async fn the_environment_holds_what_was_declared() {
    let script = format!("{HELLO}env | sort > \"$TMPDIR/../../../../env\"; pwd > \"$TMPDIR/../../../../pwd\"\n{DONE}");
    let rig = Rig::with(&script, "env: { REGION: eu, LANG: C }", "");
    assert_eq!(rig.walk(None).await.1, None);
    let env = rig.left("env").await;
    let names: Vec<&str> = env.lines().filter_map(|line| line.split_once('=').map(|(name, _)| name)).collect();
    // The last three are the shell's own.
    let expected = ["HOME", "LANG", "PATH", "REGION", "TMPDIR"];
    let own = ["OLDPWD", "PWD", "SHLVL", "_"];
    assert!(expected.iter().all(|name| names.contains(name)), "{env}");
    assert!(names.iter().all(|name| expected.contains(name) || own.contains(name)), "{env}");
    assert!(env.contains("LANG=C\n") && env.contains("PATH=/usr/local/bin:/usr/bin:/bin\n"), "{env}");
    let pwd = rig.left("pwd").await;
    assert!(pwd.contains("data/plugins/evil/run-"), "{pwd}");
}

#[tokio::test]
async fn only_the_three_standard_streams_are_open() {
    // Something that must not be handed down.
    let held = fs::File::open("/dev/null").unwrap();
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let rig = Rig::greeting(&format!("ls /proc/self/fd > \"$TMPDIR/../../../../fds\"\n{DONE}"));
    assert_eq!(rig.walk(None).await.1, None);
    let fds: Vec<String> = rig.left("fds").await.lines().map(str::to_owned).collect();
    // 3 is the folder that `ls` lists; and what this process was itself born with goes on (docs/plugins.md).
    let foreign: Vec<&String> =
        fds.iter().filter(|fd| !["0", "1", "2", "3"].contains(&fd.as_str()) && !is_handed_on(fd)).collect();
    assert!(foreign.is_empty(), "{fds:?}");
    assert!(!is_handed_on(&held.as_raw_fd().to_string()) && !is_handed_on(&socket.as_raw_fd().to_string()));
}

/// Whether a descriptor of this process is one that programs started by it get.
fn is_handed_on(fd: &str) -> bool {
    const CLOSE_ON_EXEC: u32 = 0o2_000_000;
    let Ok(info) = fs::read_to_string(format!("/proc/self/fdinfo/{fd}")) else { return false };
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).unwrap();
    u32::from_str_radix(flags.trim(), 8).unwrap() & CLOSE_ON_EXEC == 0
}

#[tokio::test]
async fn limits_are_in_force() {
    let process = "limits: { memory: 300MiB, open_files: 40, cpu: 77s, file_size: 1MiB }";
    let script = format!("{HELLO}cat /proc/$$/limits > \"$TMPDIR/../../../../limits\"\n{DONE}");
    let rig = Rig::with(&script, process, "");
    assert_eq!(rig.walk(None).await.1, None);
    let limits = rig.left("limits").await;
    let limit = |name: &str| {
        let line = limits.lines().find(|line| line.starts_with(name)).unwrap();
        line[name.len()..].split_whitespace().take(2).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(limit("Max address space"), ["314572800", "314572800"]);
    assert_eq!(limit("Max open files"), ["40", "40"]);
    assert_eq!(limit("Max cpu time"), ["77", "77"]);
    assert_eq!(limit("Max file size"), ["1048576", "1048576"]);
    assert_eq!(limit("Max core file size"), ["0", "0"]);
}

#[tokio::test]
async fn a_program_that_exceeds_its_limits_fails_alone() {
    let script = format!("{HELLO}exec python3 -c 'x = b\"x\" * (1 << 30)'");
    let rig = Rig::with(&script, "limits: { memory: 256MiB }", "");
    let (_, error) = rig.failing_walk().await;
    assert!(error.message.contains("exit status 1") && error.message.contains("MemoryError"), "{error}");
}

#[tokio::test]
async fn a_child_that_holds_the_output_open_holds_nobody_up() {
    let script = r#"sleep 1000 & echo $! > "$TMPDIR/../../../../child"
echo '{"type":"record","id":1,"record":{}}'; exit 5"#;
    let rig = Rig::greeting(script);
    let (rows, error) = rig.failing_walk().await;
    assert_eq!(rows.len(), 1);
    assert!(error.message.contains("exit status 5"), "{error}");
    let child = rig.left("child").await;
    until("the child to be killed with its group", || !is_alive(&child)).await;
}

#[tokio::test]
async fn a_child_in_a_session_of_its_own_holds_nobody_up_either() {
    let script = "setsid sleep 30 & echo $! > \"$TMPDIR/../../../../child\"; exit 5".to_owned();
    let rig = Rig::greeting(&script);
    let (_, error) = rig.failing_walk().await;
    assert!(error.message.contains("exit status 5"), "{error}");
    // It is beyond the hub's reach (docs/plugins.md says so); not beyond this test's.
    let child = rig.left("child").await;
    let pid = rustix::process::Pid::from_raw(child.trim().parse().unwrap()).unwrap();
    let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
}

#[tokio::test]
async fn whoever_ignores_the_end_of_its_input_is_killed() {
    let script = format!("trap '' TERM\necho $$ > \"$TMPDIR/../../../../pid\"\n{DONE}while :; do sleep 1; done");
    let rig = Rig::greeting(&script);
    let (pages, error) = rig.walk(None).await;
    assert_eq!((records(&pages).len(), error), (0, None), "what it did before was in order");
    let pid = rig.left("pid").await;
    until("its end", || !is_alive(&pid)).await;
    assert_eq!(rig.runs().len(), 0);
}

#[tokio::test]
async fn a_walk_that_is_given_up_takes_its_program_with_it() {
    let script = "sleep 1000 & echo $$ $! > \"$TMPDIR/../../../../pids\"; wait";
    let rig = Rig::greeting(script);
    let reader = rig.reader();
    let walk = tokio::spawn(async move { reader.page(None, None).await });
    let pids = rig.left("pids").await;
    assert!(pids.split_whitespace().all(is_alive));
    walk.abort();
    assert!(walk.await.unwrap_err().is_cancelled());
    until("the whole group to be killed", || !pids.split_whitespace().any(is_alive)).await;
    assert_eq!(rig.runs().len(), 0);
}

#[tokio::test]
async fn a_walk_that_begins_anew_ends_the_one_before() {
    let script = r#"echo $$ >> "$TMPDIR/../../../../pids"
echo '{"type":"record","id":1,"record":{}}'; exec sleep 1000"#;
    let rig = Rig::greeting(script);
    let reader = rig.reader();
    let first = reader.page(None, None).await.unwrap();
    reader.page(None, None).await.unwrap();
    let pids = rig.left("pids").await;
    let former = pids.lines().next().unwrap().to_owned();
    until("the former run to be killed", || !is_alive(&former)).await;
    let error = reader.page(None, first.next).await.unwrap_err();
    assert!(error.message.contains("the run that had the next page is over"), "{error}");
}

#[tokio::test]
async fn what_an_abandoned_hub_left_is_swept() {
    let rig = Rig::shell("exit 0");
    let runs = rig.root.path().join("data/plugins/evil");
    let (left, ours) = (runs.join("run-999999999-0"), runs.join(format!("run-{}-99999", std::process::id())));
    fs::create_dir_all(&left).unwrap();
    fs::write(left.join("config.json"), "{}").unwrap();
    fs::create_dir_all(&ours).unwrap();
    // Sweeping is part of preparing a program.
    let folders = syncline::connector::process::ProgramFolders {
        connector: rig.root.path(),
        base: rig.root.path(),
        runs: &rig.root.path().join("data/plugins"),
    };
    let given = [("token".to_owned(), "x".to_owned())].into();
    let values = syncline::connector::manifest::SettingValues::complete(&rig.manifest.settings, &given).unwrap();
    syncline::connector::process::Program::new("evil", &rig.manifest, &values, folders).unwrap();
    assert!(!left.exists() && ours.exists());
}

//! Superseded state is given back; what still counts is kept.

use std::path::Path;

use super::world::{World, append, conversation, raise};
use crate::file::FileLayer as _;

#[test]
fn many_raises_leave_few_segments_and_every_mark() {
    let world = World::new();
    let opened = world.open().unwrap();
    for i in 0..10 {
        for after in (0..300).step_by(10) {
            append(&opened, &conversation(i), after, &vec!["x".into(); 10]).unwrap();
        }
    }
    raise(&opened, &conversation(9), 1).unwrap();
    for seq in 1..=300 {
        for i in 0..9 {
            raise(&opened, &conversation(i), seq).unwrap();
        }
        while opened.engine.reclaim(&|| ()).unwrap() {}
    }
    let segments = world.files.list(Path::new("/store/state")).unwrap().len();
    assert!(
        segments < 10,
        "{segments} segments are left of 300 times 9 raises"
    );
    for rebuilt in [false, true] {
        world.crash(11);
        if rebuilt {
            world.index.clear();
        }
        let opened = world.open().unwrap();
        for i in 0..9 {
            assert_eq!(
                raise(&opened, &conversation(i), 300).unwrap(),
                [false, false],
                "{i}, rebuilt: {rebuilt}"
            );
        }
        assert_eq!(
            raise(&opened, &conversation(9), 1).unwrap(),
            [false, false],
            "rebuilt: {rebuilt}"
        );
    }
}

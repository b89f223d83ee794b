use kafka_protocol::ResponseError as E;
use proptest::prelude::*;

use super::*;

#[expect(clippy::unnecessary_wraps, reason = "what the coordinator passes may fail")]
fn fresh() -> Result<i64, E> {
    Ok(99)
}

fn ready() -> Transaction {
    let mut transaction = Transaction::new(7, 1000, 0);
    assert_eq!(transaction.init(None, 1000, fresh), Ok(Init::Ready));
    transaction
}

fn place() -> (String, i32) {
    ("topic".to_owned(), 0)
}

fn begun() -> Transaction {
    let mut transaction = ready();
    assert_eq!(transaction.add_partitions(7, 0, [place()], 5000), Ok(true));
    assert_eq!(transaction.add_partitions(7, 0, [place()], 5001), Ok(false), "known already");
    transaction
}

#[test]
fn each_holder_gets_a_higher_epoch() {
    let mut transaction = ready();
    assert_eq!((transaction.producer_id, transaction.epoch), (7, 0));
    transaction.init(None, 1000, fresh).unwrap();
    assert_eq!(transaction.epoch, 1);
    // The previous producer is fenced.
    assert_eq!(transaction.add_partitions(7, 0, [place()], 0), Err(E::ProducerFenced));
    assert_eq!(transaction.add_partitions(8, 1, [place()], 0), Err(E::InvalidProducerIdMapping));
}

#[test]
fn a_producer_may_bump_its_own_epoch_and_ask_twice() {
    let mut transaction = ready();
    transaction.init(Some((7, 0)), 1000, fresh).unwrap();
    assert_eq!(transaction.epoch, 1);
    transaction.init(Some((7, 0)), 1000, fresh).unwrap();
    assert_eq!(transaction.epoch, 1, "the same request again");
    transaction.init(None, 1000, fresh).unwrap();
    assert_eq!(transaction.init(Some((7, 1)), 1000, fresh), Err(E::ProducerFenced));
    assert_eq!(transaction.init(Some((8, 2)), 1000, fresh), Err(E::ProducerFenced));
}

#[test]
fn what_is_claimed_of_a_new_transactional_id_counts_for_nothing() {
    for claimed in [(0, 0), (7, 3)] {
        let mut transaction = Transaction::new(7, 1000, 0);
        assert_eq!(transaction.init(Some(claimed), 1000, fresh), Ok(Init::Ready));
        assert_eq!((transaction.producer_id, transaction.epoch), (7, 0));
    }
}

#[test]
fn used_up_epochs_bring_a_new_producer_id() {
    let mut transaction = ready();
    transaction.epoch = LAST_EPOCH;
    transaction.init(None, 1000, fresh).unwrap();
    assert_eq!((transaction.producer_id, transaction.epoch), (99, 0));
}

#[test]
fn ends_are_final_and_may_be_asked_for_twice() {
    for (marker, other) in [(Marker::Commit, Marker::Abort), (Marker::Abort, Marker::Commit)] {
        let mut transaction = begun();
        assert_eq!(transaction.end(7, 0, marker), Ok(End::Decided(marker)));
        assert_eq!(transaction.decided(), Some(marker));
        // While markers are being written, requests must be retried, and the decision is final.
        assert_eq!(transaction.end(7, 0, marker), Err(E::ConcurrentTransactions));
        assert_eq!(transaction.end(7, 0, other), Err(E::InvalidTxnState));
        assert_eq!(transaction.add_partitions(7, 0, [place()], 0), Err(E::ConcurrentTransactions));
        assert_eq!(transaction.init(None, 1000, fresh), Err(E::ConcurrentTransactions));
        assert_eq!(transaction.covers(0, &place()), Err(E::InvalidTxnState));
        transaction.complete();
        assert_eq!(transaction.end(7, 0, marker), Ok(End::Done));
        assert_eq!(transaction.end(7, 0, other), Err(E::InvalidTxnState));
        assert_eq!(transaction.add_partitions(7, 0, [place()], 0), Ok(true), "the next one");
    }
    assert_eq!(ready().end(7, 0, Marker::Commit), Err(E::InvalidTxnState));
}

#[test]
fn a_successor_aborts_what_is_open() {
    let mut transaction = begun();
    assert_eq!(transaction.init(None, 1000, fresh), Ok(Init::Finish));
    assert_eq!((transaction.decided(), transaction.epoch), (Some(Marker::Abort), 1));
    transaction.complete();
    assert_eq!(transaction.init(None, 1000, fresh), Ok(Init::Ready));
    assert_eq!(transaction.epoch, 2);
    assert_eq!(transaction.end(7, 0, Marker::Commit), Err(E::ProducerFenced));
}

#[test]
fn a_transaction_that_takes_too_long_is_due() {
    let mut transaction = begun();
    assert_eq!(transaction.due(), Some(6000));
    transaction.fence(fresh).unwrap();
    assert_eq!(transaction.due(), None);
    assert_eq!(transaction.covers(0, &place()), Err(E::InvalidProducerEpoch));
}

#[test]
fn offsets_need_their_group_in_the_transaction() {
    let mut transaction = begun();
    let offset = |offset| Committed { offset, leader_epoch: -1, metadata: String::new() };
    let offsets = |n| BTreeMap::from([(place(), offset(n))]);
    assert_eq!(transaction.add_offsets(7, 0, "group", offsets(1)), Err(E::InvalidTxnState));
    transaction.add_group(7, 0, "group", 5000).unwrap();
    transaction.add_offsets(7, 0, "group", offsets(1)).unwrap();
    transaction.add_offsets(7, 0, "group", offsets(2)).unwrap();
    assert_eq!(transaction.offsets, [("group".to_owned(), "topic".to_owned(), 0, offset(2))]);
    assert_eq!(transaction.add_offsets(7, 1, "group", offsets(3)), Err(E::InvalidProducerEpoch));
    transaction.end(7, 0, Marker::Abort).unwrap();
    assert!(transaction.offsets.is_empty());
}

/// The table of `TransactionCoordinator.endTransaction` in Kafka 4.3.
#[test]
fn each_end_has_an_epoch_of_its_own() {
    let (commit, abort) = (Marker::Commit, Marker::Abort);
    let ended = |marker| {
        let mut transaction = begun();
        assert_eq!(transaction.end_and_bump(7, 0, marker, 0, fresh), Ok(End::Decided(marker)));
        assert_eq!(
            (transaction.epoch, transaction.decided()),
            (1, Some(marker)),
            "its markers have the new epoch"
        );
        let other = if marker == commit { abort } else { commit };
        assert_eq!(transaction.end_and_bump(7, 0, marker, 0, fresh), Err(E::ConcurrentTransactions));
        assert_eq!(transaction.end_and_bump(7, 0, other, 0, fresh), Err(E::InvalidTxnState));
        assert_eq!(
            transaction.end_and_bump(7, 1, marker, 0, fresh),
            Err(E::ProducerFenced),
            "nor the next end"
        );
        assert_eq!(transaction.add_partitions(7, 1, [place()], 0), Err(E::ConcurrentTransactions));
        transaction.complete();
        transaction
    };
    let decided = Ok(End::Decided(abort));
    for (transaction, retried, expected) in [
        (ready(), false, [decided, Err(E::InvalidTxnState)]),
        (ended(abort), true, [Ok(End::Done), Err(E::InvalidTxnState)]),
        (ended(abort), false, [decided, Err(E::InvalidTxnState)]),
        (ended(commit), true, [Err(E::InvalidTxnState), Ok(End::Done)]),
        (ended(commit), false, [decided, Err(E::InvalidTxnState)]),
        (begun(), false, [decided, Ok(End::Decided(commit))]),
    ] {
        for (marker, expected) in [abort, commit].into_iter().zip(expected) {
            let mut asked = transaction.clone();
            let epoch = transaction.epoch - i16::from(retried);
            assert_eq!(
                asked.end_and_bump(7, epoch, marker, 9, fresh),
                expected,
                "{marker:?} of {transaction:?}"
            );
            assert_eq!(asked.epoch - transaction.epoch, i16::from(matches!(expected, Ok(End::Decided(_)))));
            for (id, epoch, error) in [
                (8, epoch, E::InvalidProducerIdMapping),
                (7, transaction.epoch + 1, E::ProducerFenced),
                (7, transaction.epoch - 2, E::ProducerFenced),
            ] {
                assert_eq!(transaction.clone().end_and_bump(id, epoch, marker, 9, fresh), Err(error));
            }
        }
    }
    assert_eq!(ready().end_and_bump(7, -1, abort, 0, fresh), Err(E::ProducerFenced), "none has ended");
}

#[test]
fn an_end_that_exhausts_the_epochs_brings_a_new_producer_id() {
    for by_producer in [true, false] {
        let mut transaction = ready();
        transaction.epoch = LAST_EPOCH;
        transaction.add_partitions(7, LAST_EPOCH, [place()], 0).unwrap();
        if by_producer {
            transaction.end_and_bump(7, LAST_EPOCH, Marker::Abort, 0, fresh).unwrap();
        } else {
            transaction.fence(fresh).unwrap();
        }
        assert_eq!((transaction.producer_id, transaction.epoch), (7, i16::MAX), "as the markers have it");
        assert_eq!(transaction.next_producer(), ProducerId { id: 99, epoch: 0 });
        let end =
            |transaction: &mut Transaction, marker| transaction.end_and_bump(7, LAST_EPOCH, marker, 0, fresh);
        assert_eq!(end(&mut transaction, Marker::Abort), Err(E::ConcurrentTransactions));
        assert_eq!(
            transaction.add_partitions(99, 0, [place()], 0),
            Err(E::ConcurrentTransactions),
            "not yet"
        );
        assert_eq!(transaction.init(Some((99, 0)), 1000, fresh), Err(E::ConcurrentTransactions));
        transaction.complete();
        assert_eq!((transaction.producer_id, transaction.epoch), (99, 0));
        assert_eq!(end(&mut transaction, Marker::Abort), Ok(End::Done));
        assert_eq!(end(&mut transaction, Marker::Commit), Err(E::InvalidTxnState));
        assert_eq!(transaction.clone().init(Some((7, 3)), 1000, fresh), Err(E::ProducerFenced));
        let mut again = transaction.clone();
        assert_eq!(again.init(Some((7, LAST_EPOCH)), 1000, fresh), Ok(Init::Ready), "it has seen no answer");
        assert_eq!((again.producer_id, again.epoch), (99, 0));
        transaction.add_partitions(99, 0, [place()], 0).unwrap();
        assert_eq!(end(&mut transaction, Marker::Abort), Err(E::InvalidProducerIdMapping));
    }
}

#[test]
fn a_producer_whose_transaction_took_too_long_goes_on_after_its_abort() {
    let mut transaction = begun();
    transaction.fence(fresh).unwrap();
    transaction.complete();
    assert_eq!(transaction.end(7, 0, Marker::Abort), Err(E::ProducerFenced), "before version 5");
    assert_eq!(transaction.end_and_bump(7, 0, Marker::Commit, 0, fresh), Err(E::InvalidTxnState));
    assert_eq!(transaction.end_and_bump(7, 0, Marker::Abort, 0, fresh), Ok(End::Done));
    assert_eq!(transaction.clone().init(Some((7, 0)), 1000, fresh), Ok(Init::Ready));
    assert_eq!(transaction.add_partitions(7, 0, [place()], 0), Err(E::ProducerFenced));
    assert_eq!(transaction.add_partitions(7, 1, [place()], 0), Ok(true));
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Init(bool),
    Add(i16),
    End(i16, bool),
    EndAndBump(i16, bool),
    Complete,
    Time,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        any::<bool>().prop_map(Step::Init),
        (0..2i16).prop_map(Step::Add),
        (0..2i16, any::<bool>()).prop_map(|(behind, commit)| Step::End(behind, commit)),
        (0..2i16, any::<bool>()).prop_map(|(behind, commit)| Step::EndAndBump(behind, commit)),
        Just(Step::Complete),
        Just(Step::Time),
    ]
}

proptest! {
    #[test]
    fn a_decision_is_never_reversed_and_epochs_never_fall(steps in proptest::collection::vec(step(), 1..40)) {
        let mut transaction = ready();
        for step in steps {
            let before = transaction.clone();
            match step {
                Step::Init(claims) => {
                    let claimed = claims.then_some((before.producer_id, before.epoch));
                    let _ = transaction.init(claimed, 1000, fresh);
                }
                Step::Add(behind) => {
                    let done = transaction.add_partitions(before.producer_id, before.epoch - behind, [place()], 0);
                    prop_assert!(behind == 0 || done.is_err());
                }
                Step::End(behind, commit) => {
                    let marker = if commit { Marker::Commit } else { Marker::Abort };
                    let done = transaction.end(before.producer_id, before.epoch - behind, marker);
                    prop_assert!(behind == 0 || done.is_err());
                }
                Step::EndAndBump(behind, commit) => {
                    let marker = if commit { Marker::Commit } else { Marker::Abort };
                    let old = before.epoch - behind;
                    match transaction.end_and_bump(before.producer_id, old, marker, 0, fresh) {
                        Ok(End::Decided(_)) => prop_assert!(behind == 0 && transaction.epoch == before.epoch + 1),
                        Ok(End::Done) => prop_assert!(behind == 1 && transaction == before),
                        Err(_) => prop_assert_eq!(&transaction, &before),
                    }
                }
                Step::Complete => {
                    transaction.complete();
                    // Completing an undecided transaction changes nothing.
                    prop_assert!(before.decided().is_some() || transaction == before);
                }
                Step::Time => if transaction.due().is_some_and(|due| due <= 10_000) {
                    transaction.fence(fresh).unwrap();
                },
            }
            prop_assert!(transaction.epoch >= before.epoch);
            if let (Some(old), Some(new)) = (before.decided(), transaction.decided()) {
                prop_assert_eq!(old, new);
            }
            if before.decided().is_none() && transaction.decided() == Some(Marker::Commit) {
                let by_producer = matches!(step, Step::End(0, true) | Step::EndAndBump(0, true));
                prop_assert!(by_producer, "only its producer commits");
            }
        }
    }
}

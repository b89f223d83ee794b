//! A member of a consumer group, with its requests and responses.

use bytes::Bytes;
use kafka_protocol::ResponseError;
use serde::{Deserialize, Serialize};

/// A client that waits for a later response.
pub(crate) type Ticket = u64;

/// A request to join.
#[derive(Clone, Debug)]
pub(crate) struct Join {
    /// Empty before it has one.
    pub(crate) member_id: String,
    pub(crate) instance_id: Option<String>,
    pub(crate) client_id: String,
    pub(crate) client_host: String,
    pub(crate) session_timeout_ms: u64,
    pub(crate) rebalance_timeout_ms: u64,
    pub(crate) protocol_type: String,
    /// Assignors with subscriptions, by preference.
    pub(crate) protocols: Vec<(String, Bytes)>,
    /// The client rejoins with the id that it gets, before it is a member (KIP-394, version 4).
    pub(crate) asks_for_id: bool,
    /// The client understands a leadership without an assignment to make (KIP-814, version 9).
    pub(crate) may_skip_assignment: bool,
    /// The id for a member without one: `client id-uuid`.
    pub(crate) fresh_id: String,
}

/// The response to a join.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Joined {
    pub(crate) error: Option<ResponseError>,
    pub(crate) member_id: String,
    pub(crate) generation: i32,
    pub(crate) protocol_type: Option<String>,
    pub(crate) protocol: Option<String>,
    pub(crate) leader: String,
    /// For the leader alone: id, instance id and subscription of every member.
    pub(crate) members: Vec<(String, Option<String>, Bytes)>,
    pub(crate) skip_assignment: bool,
}

impl Joined {
    /// An error.
    pub(crate) fn refused(error: ResponseError, member_id: &str) -> Self {
        Self {
            error: Some(error),
            member_id: member_id.to_owned(),
            generation: -1,
            protocol_type: None,
            protocol: None,
            leader: String::new(),
            members: Vec::new(),
            skip_assignment: false,
        }
    }
}

/// A request for a member's assignment; the leader's contains all assignments.
#[derive(Clone, Debug)]
pub(crate) struct Sync {
    pub(crate) member_id: String,
    pub(crate) instance_id: Option<String>,
    pub(crate) generation: i32,
    pub(crate) protocol_type: Option<String>,
    pub(crate) protocol: Option<String>,
    pub(crate) assignments: Vec<(String, Bytes)>,
}

/// The response to a sync.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Synced {
    pub(crate) protocol_type: Option<String>,
    pub(crate) protocol: Option<String>,
    pub(crate) assignment: Bytes,
}

/// A response that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Joined(Ticket, Joined),
    Synced(Ticket, Result<Synced, ResponseError>),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Member {
    pub(crate) id: String,
    pub(crate) instance_id: Option<String>,
    pub(crate) client_id: String,
    pub(crate) client_host: String,
    pub(crate) session_timeout_ms: u64,
    pub(crate) rebalance_timeout_ms: u64,
    pub(crate) protocols: Vec<(String, Vec<u8>)>,
    pub(crate) assignment: Vec<u8>,
    /// When its session times out (ms, monotonic).
    #[serde(skip)]
    pub(crate) deadline: u64,
    #[serde(skip)]
    pub(crate) joining: Option<Ticket>,
    #[serde(skip)]
    pub(crate) syncing: Option<Ticket>,
}

impl Member {
    pub(crate) fn new(id: String, join: &Join) -> Self {
        let mut member = Self {
            id,
            instance_id: join.instance_id.clone(),
            client_id: String::new(),
            client_host: String::new(),
            session_timeout_ms: 0,
            rebalance_timeout_ms: 0,
            protocols: Vec::new(),
            assignment: Vec::new(),
            deadline: 0,
            joining: None,
            syncing: None,
        };
        member.update(join);
        member
    }

    /// Takes over the data of a repeated join.
    pub(crate) fn update(&mut self, join: &Join) {
        self.client_id.clone_from(&join.client_id);
        self.client_host.clone_from(&join.client_host);
        self.session_timeout_ms = join.session_timeout_ms;
        self.rebalance_timeout_ms = join.rebalance_timeout_ms;
        self.protocols = join.protocols.iter().map(|(name, data)| (name.clone(), data.to_vec())).collect();
    }

    /// Whether its protocols are unchanged.
    pub(crate) fn matches(&self, join: &Join) -> bool {
        let same = |((a, x), (b, y)): (&(String, Vec<u8>), &(String, Bytes))| a == b && x[..] == y[..];
        self.protocols.len() == join.protocols.len() && self.protocols.iter().zip(&join.protocols).all(same)
    }

    /// Its subscription for an assignor.
    pub(crate) fn metadata(&self, protocol: &str) -> Bytes {
        let found = self.protocols.iter().find(|(name, _)| name == protocol);
        found.map_or_else(Bytes::new, |(_, data)| Bytes::copy_from_slice(data))
    }

    pub(crate) fn supports(&self, protocol: &str) -> bool {
        self.protocols.iter().any(|(name, _)| name == protocol)
    }

    /// Extends its session.
    pub(crate) fn alive(&mut self, now: u64) {
        self.deadline = now + self.session_timeout_ms;
    }

    /// A member that waits for our response does not time out, however long we take.
    pub(crate) fn is_waiting(&self) -> bool {
        self.joining.is_some() || self.syncing.is_some()
    }
}

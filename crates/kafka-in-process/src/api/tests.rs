//! Every request in every version gets a response that can be encoded and decoded in that version.

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::{
    AddOffsetsToTxnRequest, AddPartitionsToTxnRequest, AlterConfigsRequest, ApiKey, ApiVersionsRequest,
    ConsumerGroupDescribeRequest, ConsumerGroupHeartbeatRequest, CreatePartitionsRequest,
    CreateTopicsRequest, DeleteGroupsRequest, DeleteRecordsRequest, DeleteTopicsRequest, DescribeAclsRequest,
    DescribeClientQuotasRequest, DescribeClusterRequest, DescribeConfigsRequest, DescribeGroupsRequest,
    DescribeLogDirsRequest, DescribeProducersRequest, DescribeQuorumRequest, DescribeTopicPartitionsRequest,
    DescribeTransactionsRequest, DescribeUserScramCredentialsRequest, ElectLeadersRequest, EndTxnRequest,
    FetchRequest, FindCoordinatorRequest, HeartbeatRequest, IncrementalAlterConfigsRequest,
    InitProducerIdRequest, JoinGroupRequest, LeaveGroupRequest, ListConfigResourcesRequest,
    ListGroupsRequest, ListOffsetsRequest, ListPartitionReassignmentsRequest, ListTransactionsRequest,
    MetadataRequest, OffsetCommitRequest, OffsetDeleteRequest, OffsetFetchRequest,
    OffsetForLeaderEpochRequest, ProduceRequest, SyncGroupRequest, TransactionalId, TxnOffsetCommitRequest,
    WriteTxnMarkersRequest, add_partitions_to_txn_request::AddPartitionsToTxnTopic, alter_configs_request,
    create_partitions_request::CreatePartitionsTopic, create_topics_request::CreatableTopic,
    delete_records_request, delete_topics_request, describe_configs_request::DescribeConfigsResource,
    describe_producers_request, describe_quorum_request, describe_topic_partitions_request,
    describe_user_scram_credentials_request, elect_leaders_request, fetch_request,
    incremental_alter_configs_request, join_group_request::JoinGroupRequestProtocol,
    leave_group_request::MemberIdentity, list_offsets_request, metadata_request::MetadataRequestTopic,
    offset_commit_request, offset_delete_request, offset_fetch_request, offset_for_leader_epoch_request,
    produce_request, sync_group_request::SyncGroupRequestAssignment, txn_offset_commit_request,
    write_txn_markers_request,
};
use uuid::Uuid;

use super::{RequestKind as Q, ResponseKind as A, *};
use crate::{
    config::{Durability, Settings},
    open,
    wire::versions::TABLE,
};

fn peer() -> Peer {
    Peer {
        local: "127.0.0.1:9092".parse().unwrap(),
        remote: "127.0.0.1:4711".parse().unwrap(),
        client_id: "test".to_owned(),
    }
}

/// What requests refer to: a topic, a group, a transaction.
struct World {
    topic: String,
    topic_id: Uuid,
    group: String,
    member: String,
    generation: i32,
}

/// A sensible request of this kind and version.
#[expect(clippy::too_many_lines, reason = "one arm for each kind of request")]
fn sensible(key: ApiKey, version: i16, world: &World) -> Q {
    let topic = topic_name(&world.topic);
    let group = group_id(&world.group);
    let id = TransactionalId(text("id"));
    let by_id = if version >= 13 { (topic_name(""), world.topic_id) } else { (topic.clone(), Uuid::nil()) };
    match key {
        ApiKey::Produce => Q::Produce(ProduceRequest::default().with_acks(-1).with_topic_data(vec![
            produce_request::TopicProduceData::default().with_name(topic).with_partition_data(vec![
                produce_request::PartitionProduceData::default().with_records(Some(Bytes::new())),
            ]),
        ])),
        ApiKey::Fetch => Q::Fetch(
            FetchRequest::default().with_max_bytes(1 << 20).with_isolation_level(1).with_topics(vec![
                fetch_request::FetchTopic::default()
                    .with_topic(by_id.0)
                    .with_topic_id(by_id.1)
                    .with_partitions(vec![
                        fetch_request::FetchPartition::default().with_partition_max_bytes(1000),
                    ]),
            ]),
        ),
        ApiKey::ListOffsets => Q::ListOffsets(ListOffsetsRequest::default().with_topics(vec![
            list_offsets_request::ListOffsetsTopic::default().with_name(topic).with_partitions(vec![
                list_offsets_request::ListOffsetsPartition::default().with_timestamp(-1),
            ]),
        ])),
        ApiKey::OffsetForLeaderEpoch => {
            Q::OffsetForLeaderEpoch(OffsetForLeaderEpochRequest::default().with_topics(vec![
                offset_for_leader_epoch_request::OffsetForLeaderTopic::default()
                    .with_topic(topic)
                    .with_partitions(vec![
                        offset_for_leader_epoch_request::OffsetForLeaderPartition::default(),
                    ]),
            ]))
        }
        ApiKey::Metadata => Q::Metadata(
            MetadataRequest::default()
                .with_topics(Some(vec![MetadataRequestTopic::default().with_name(Some(topic))])),
        ),
        ApiKey::WriteTxnMarkers => Q::WriteTxnMarkers(WriteTxnMarkersRequest::default().with_markers(vec![
            write_txn_markers_request::WritableTxnMarker::default().with_producer_id(7.into()).with_topics(
                vec![
                    write_txn_markers_request::WritableTxnMarkerTopic::default()
                        .with_name(topic)
                        .with_partition_indexes(vec![0]),
                ],
            ),
        ])),
        ApiKey::DescribeAcls => Q::DescribeAcls(DescribeAclsRequest::default()),
        ApiKey::ElectLeaders => {
            Q::ElectLeaders(ElectLeadersRequest::default().with_topic_partitions(Some(vec![
                elect_leaders_request::TopicPartitions::default().with_topic(topic).with_partitions(vec![0]),
            ])))
        }
        ApiKey::ListPartitionReassignments => {
            Q::ListPartitionReassignments(ListPartitionReassignmentsRequest::default())
        }
        ApiKey::DescribeClientQuotas => Q::DescribeClientQuotas(DescribeClientQuotasRequest::default()),
        ApiKey::DescribeUserScramCredentials => {
            let user = describe_user_scram_credentials_request::UserName::default().with_name(text("user"));
            let request = DescribeUserScramCredentialsRequest::default().with_users(Some(vec![user]));
            Q::DescribeUserScramCredentials(request)
        }
        ApiKey::DescribeQuorum => Q::DescribeQuorum(DescribeQuorumRequest::default().with_topics(vec![
            describe_quorum_request::TopicData::default()
                .with_topic_name(topic_name("__cluster_metadata"))
                .with_partitions(vec![describe_quorum_request::PartitionData::default()]),
        ])),
        ApiKey::ListConfigResources => Q::ListConfigResources(ListConfigResourcesRequest::default()),
        ApiKey::DescribeTopicPartitions => {
            Q::DescribeTopicPartitions(DescribeTopicPartitionsRequest::default().with_topics(vec![
                describe_topic_partitions_request::TopicRequest::default().with_name(topic),
            ]))
        }
        ApiKey::ApiVersions => Q::ApiVersions(ApiVersionsRequest::default()),
        ApiKey::FindCoordinator if version >= 4 => {
            Q::FindCoordinator(FindCoordinatorRequest::default().with_coordinator_keys(vec![text("group")]))
        }
        ApiKey::FindCoordinator => {
            Q::FindCoordinator(FindCoordinatorRequest::default().with_key(text("group")))
        }
        ApiKey::DescribeCluster => {
            Q::DescribeCluster(DescribeClusterRequest::default().with_endpoint_type(1))
        }
        ApiKey::CreateTopics => Q::CreateTopics(CreateTopicsRequest::default().with_topics(vec![
            CreatableTopic::default()
                .with_name(topic_name(&format!("new-{version}")))
                .with_num_partitions(2)
                .with_replication_factor(1),
        ])),
        ApiKey::DeleteTopics => {
            let name = topic_name(&format!("new-{version}"));
            let request = DeleteTopicsRequest::default();
            Q::DeleteTopics(if version >= 6 {
                let state = delete_topics_request::DeleteTopicState::default().with_name(Some(name));
                request.with_topics(vec![state])
            } else {
                request.with_topic_names(vec![name])
            })
        }
        ApiKey::CreatePartitions => {
            Q::CreatePartitions(CreatePartitionsRequest::default().with_validate_only(true).with_topics(
                vec![CreatePartitionsTopic::default().with_name(topic).with_count(9).with_assignments(None)],
            ))
        }
        ApiKey::DeleteRecords => Q::DeleteRecords(DeleteRecordsRequest::default().with_topics(vec![
            delete_records_request::DeleteRecordsTopic::default()
                .with_name(topic)
                .with_partitions(vec![delete_records_request::DeleteRecordsPartition::default()]),
        ])),
        ApiKey::DescribeLogDirs => Q::DescribeLogDirs(DescribeLogDirsRequest::default().with_topics(None)),
        ApiKey::DescribeProducers => {
            Q::DescribeProducers(DescribeProducersRequest::default().with_topics(vec![
                describe_producers_request::TopicRequest::default()
                    .with_name(topic)
                    .with_partition_indexes(vec![0]),
            ]))
        }
        ApiKey::DescribeConfigs => Q::DescribeConfigs(
            DescribeConfigsRequest::default().with_include_synonyms(true).with_resources(vec![
                DescribeConfigsResource::default()
                    .with_resource_type(2)
                    .with_resource_name(text(&world.topic))
                    .with_configuration_keys(None),
            ]),
        ),
        ApiKey::AlterConfigs => Q::AlterConfigs(AlterConfigsRequest::default().with_resources(vec![
            alter_configs_request::AlterConfigsResource::default()
                .with_resource_type(2)
                .with_resource_name(text(&world.topic)),
        ])),
        ApiKey::IncrementalAlterConfigs => {
            Q::IncrementalAlterConfigs(IncrementalAlterConfigsRequest::default().with_resources(vec![
                incremental_alter_configs_request::AlterConfigsResource::default()
                    .with_resource_type(2)
                    .with_resource_name(text(&world.topic)),
            ]))
        }
        ApiKey::JoinGroup => Q::JoinGroup(
            JoinGroupRequest::default()
                .with_group_id(group_id(&format!("join-{version}")))
                .with_session_timeout_ms(6000)
                .with_protocol_type(text("consumer"))
                .with_protocols(vec![JoinGroupRequestProtocol::default().with_name(text("range"))]),
        ),
        ApiKey::SyncGroup => Q::SyncGroup(
            SyncGroupRequest::default()
                .with_group_id(group)
                .with_member_id(text(&world.member))
                .with_generation_id(world.generation)
                .with_assignments(vec![
                    SyncGroupRequestAssignment::default().with_member_id(text(&world.member)),
                ]),
        ),
        ApiKey::Heartbeat => Q::Heartbeat(
            HeartbeatRequest::default()
                .with_group_id(group)
                .with_member_id(text(&world.member))
                .with_generation_id(world.generation),
        ),
        ApiKey::LeaveGroup if version >= 3 => Q::LeaveGroup(
            LeaveGroupRequest::default()
                .with_group_id(group)
                .with_members(vec![MemberIdentity::default().with_member_id(text("nobody"))]),
        ),
        ApiKey::LeaveGroup => {
            Q::LeaveGroup(LeaveGroupRequest::default().with_group_id(group).with_member_id(text("nobody")))
        }
        ApiKey::OffsetCommit => Q::OffsetCommit(
            OffsetCommitRequest::default()
                .with_group_id(group)
                .with_member_id(text(&world.member))
                .with_generation_id_or_member_epoch(world.generation)
                .with_topics(vec![
                    offset_commit_request::OffsetCommitRequestTopic::default()
                        .with_name(topic)
                        .with_partitions(vec![
                            offset_commit_request::OffsetCommitRequestPartition::default()
                                .with_committed_offset(3),
                        ]),
                ]),
        ),
        ApiKey::OffsetFetch if version >= 8 => {
            Q::OffsetFetch(OffsetFetchRequest::default().with_groups(vec![
            offset_fetch_request::OffsetFetchRequestGroup::default().with_group_id(group).with_topics(None),
        ]))
        }
        ApiKey::OffsetFetch => {
            Q::OffsetFetch(OffsetFetchRequest::default().with_group_id(group).with_topics(Some(vec![
                offset_fetch_request::OffsetFetchRequestTopic::default()
                    .with_name(topic)
                    .with_partition_indexes(vec![0, 1]),
            ])))
        }
        ApiKey::OffsetDelete => {
            Q::OffsetDelete(OffsetDeleteRequest::default().with_group_id(group).with_topics(vec![
                offset_delete_request::OffsetDeleteRequestTopic::default().with_name(topic),
            ]))
        }
        ApiKey::ListGroups => Q::ListGroups(ListGroupsRequest::default()),
        ApiKey::DescribeGroups => {
            Q::DescribeGroups(DescribeGroupsRequest::default().with_groups(vec![group, group_id("nobody's")]))
        }
        ApiKey::DeleteGroups => {
            Q::DeleteGroups(DeleteGroupsRequest::default().with_groups_names(vec![group]))
        }
        ApiKey::ConsumerGroupHeartbeat => Q::ConsumerGroupHeartbeat(
            ConsumerGroupHeartbeatRequest::default()
                .with_group_id(group_id("consumers"))
                .with_member_id(text("member"))
                .with_rebalance_timeout_ms(1000)
                .with_subscribed_topic_names(Some(vec![topic]))
                .with_topic_partitions(Some(Vec::new())),
        ),
        ApiKey::ConsumerGroupDescribe => Q::ConsumerGroupDescribe(
            ConsumerGroupDescribeRequest::default().with_group_ids(vec![group_id("consumers"), group]),
        ),
        ApiKey::InitProducerId => Q::InitProducerId(
            InitProducerIdRequest::default()
                .with_transactional_id(Some(id))
                .with_transaction_timeout_ms(1000),
        ),
        ApiKey::AddPartitionsToTxn => Q::AddPartitionsToTxn(
            AddPartitionsToTxnRequest::default()
                .with_v3_and_below_transactional_id(id)
                .with_v3_and_below_topics(vec![
                    AddPartitionsToTxnTopic::default().with_name(topic).with_partitions(vec![0]),
                ]),
        ),
        ApiKey::AddOffsetsToTxn => {
            Q::AddOffsetsToTxn(AddOffsetsToTxnRequest::default().with_transactional_id(id))
        }
        ApiKey::EndTxn => Q::EndTxn(EndTxnRequest::default().with_transactional_id(id)),
        ApiKey::TxnOffsetCommit => Q::TxnOffsetCommit(
            TxnOffsetCommitRequest::default().with_transactional_id(id).with_group_id(group).with_topics(
                vec![
                    txn_offset_commit_request::TxnOffsetCommitRequestTopic::default()
                        .with_name(topic)
                        .with_partitions(vec![
                            txn_offset_commit_request::TxnOffsetCommitRequestPartition::default(),
                        ]),
                ],
            ),
        ),
        ApiKey::ListTransactions => Q::ListTransactions(ListTransactionsRequest::default()),
        ApiKey::DescribeTransactions => {
            Q::DescribeTransactions(DescribeTransactionsRequest::default().with_transactional_ids(vec![id]))
        }
        other => panic!("no sensible request for {other:?}"),
    }
}

#[tokio::test]
async fn every_version_of_every_request_is_answered() {
    let data = tempfile::tempdir().unwrap();
    let cluster = open(data.path(), Durability::Process, Settings::default()).unwrap();
    let made = cluster.topics.create("topic", 2, std::collections::BTreeMap::new(), false).unwrap();
    let join = JoinGroupRequest::default()
        .with_group_id(group_id("group"))
        .with_session_timeout_ms(6000)
        .with_protocol_type(text("consumer"))
        .with_protocols(vec![JoinGroupRequestProtocol::default().with_name(text("range"))]);
    let Some(A::JoinGroup(joined)) = answer(&cluster, &peer(), Q::JoinGroup(join), 3).await else { panic!() };
    let world = World {
        topic: "topic".to_owned(),
        topic_id: made.id,
        group: "group".to_owned(),
        member: joined.member_id.to_string(),
        generation: joined.generation_id,
    };
    for api in TABLE {
        for version in api.min..=api.max {
            let what = format!("{:?} v{version}", api.key);
            // Encoded and decoded, so that the request is valid in this version.
            let mut wire = BytesMut::new();
            let request = sensible(api.key, version, &world);
            request.encode(&mut wire, version).unwrap_or_else(|error| panic!("{what}: {error:#}"));
            let request = Q::decode(api.key, &mut wire.freeze(), version).unwrap();
            let response = answer(&cluster, &peer(), request, version).await.unwrap();
            let mut wire = BytesMut::new();
            response.encode(&mut wire, version).unwrap_or_else(|error| panic!("{what}: {error:#}"));
            let mut wire = wire.freeze();
            A::decode(api.key, &mut wire, version).unwrap_or_else(|error| panic!("{what}: {error:#}"));
            assert!(wire.is_empty(), "{what}");
        }
    }
}

#[tokio::test]
async fn metadata_names_the_address_by_which_the_client_came() {
    let data = tempfile::tempdir().unwrap();
    let cluster = open(data.path(), Durability::Process, Settings::default()).unwrap();
    let request = MetadataRequest::default().with_topics(None);
    let Some(A::Metadata(metadata)) = answer(&cluster, &peer(), Q::Metadata(request), 9).await else {
        panic!()
    };
    let brokers: Vec<_> =
        metadata.brokers.iter().map(|broker| (broker.host.to_string(), broker.port)).collect();
    assert_eq!(brokers, [("127.0.0.1".to_owned(), 9092)]);
}

#[tokio::test]
async fn what_is_asked_for_many_times_is_answered_once() {
    let data = tempfile::tempdir().unwrap();
    let cluster = open(data.path(), Durability::Process, Settings::default()).unwrap();
    let made = cluster.topics.create("topic", 2, std::collections::BTreeMap::new(), false).unwrap();
    let offset = crate::groups::Committed { offset: 1, leader_epoch: 0, metadata: String::new() };
    let nobody =
        crate::groups::Committer { member_id: "", instance_id: None, generation: -1, knows_epochs: true };
    cluster.groups.commit("group", &nobody, [(("topic".to_owned(), 0), offset)].into()).unwrap();
    cluster.transactions.init(Some("id"), 1000, None).unwrap();
    let world = World {
        topic: "topic".to_owned(),
        topic_id: made.id,
        group: "group".to_owned(),
        member: String::new(),
        generation: 0,
    };
    for key in [
        ApiKey::Metadata,
        ApiKey::DescribeConfigs,
        ApiKey::DescribeTopicPartitions,
        ApiKey::DescribeGroups,
        ApiKey::DescribeProducers,
        ApiKey::DescribeTransactions,
        ApiKey::OffsetFetch,
    ] {
        let version = TABLE.iter().find(|api| api.key == key).unwrap().max.min(7);
        let size = async |times: usize| {
            let mut request = sensible(key, version, &world);
            match &mut request {
                Q::Metadata(request) => repeat(request.topics.as_mut().unwrap(), times),
                Q::DescribeConfigs(request) => repeat(&mut request.resources, times),
                Q::DescribeTopicPartitions(request) => repeat(&mut request.topics, times),
                Q::DescribeGroups(request) => repeat(&mut request.groups, times),
                Q::DescribeProducers(request) => repeat(&mut request.topics[0].partition_indexes, times),
                Q::DescribeTransactions(request) => repeat(&mut request.transactional_ids, times),
                Q::OffsetFetch(request) => {
                    repeat(&mut request.topics.as_mut().unwrap()[0].partition_indexes, times);
                }
                _ => panic!(),
            }
            let response = answer(&cluster, &peer(), request, version).await.unwrap();
            let mut wire = BytesMut::new();
            response.encode(&mut wire, version).unwrap();
            wire.len()
        };
        assert_eq!(size(1000).await, size(1).await, "{key:?}");
    }
}

fn repeat<T: Clone>(items: &mut Vec<T>, times: usize) {
    *items = vec![items.clone(); times].concat();
}

#[tokio::test]
async fn a_topic_is_described_by_its_id() {
    let data = tempfile::tempdir().unwrap();
    let cluster = open(data.path(), Durability::Process, Settings::default()).unwrap();
    let made = cluster.topics.create("topic", 2, std::collections::BTreeMap::new(), false).unwrap();
    // Java's admin client sends an empty name, others send none.
    for name in [None, Some(topic_name(""))] {
        let ask = async |id| {
            let wanted = MetadataRequestTopic::default().with_name(name.clone()).with_topic_id(id);
            let request = MetadataRequest::default().with_topics(Some(vec![wanted]));
            let Some(A::Metadata(mut told)) = answer(&cluster, &peer(), Q::Metadata(request), 12).await
            else {
                panic!()
            };
            told.topics.remove(0)
        };
        let known = ask(made.id).await;
        assert_eq!((known.error_code, known.name, known.partitions.len()), (0, Some(topic_name("topic")), 2));
        let id = Uuid::from_u128(7);
        let unknown = ask(id).await;
        assert_eq!(unknown.error_code, ResponseError::UnknownTopicId.code());
        assert_eq!((unknown.topic_id, unknown.name), (id, None));
    }
}

#[tokio::test]
async fn every_record_without_a_key_is_named() {
    use crate::log::tests::kit::{NOBODY, NOW, bytes, given};

    let data = tempfile::tempdir().unwrap();
    let cluster = open(data.path(), Durability::Process, Settings::default()).unwrap();
    let compacted = [("cleanup.policy".to_owned(), "compact".to_owned())].into();
    cluster.topics.create("topic", 1, compacted, false).unwrap();
    let mut records = vec![given("key", Some("value"), NOW); 4];
    (records[1].key, records[3].key) = (None, None);
    let part = produce_request::PartitionProduceData::default().with_records(Some(bytes(&records, NOBODY)));
    let data = produce_request::TopicProduceData::default()
        .with_name(topic_name("topic"))
        .with_partition_data(vec![part]);
    let request = ProduceRequest::default().with_acks(-1).with_topic_data(vec![data]);
    let Some(A::Produce(answer)) = answer(&cluster, &peer(), Q::Produce(request), 9).await else { panic!() };
    let answer = &answer.responses[0].partition_responses[0];
    assert_eq!(answer.error_code, ResponseError::InvalidRecord.code());
    let named: Vec<_> = answer.record_errors.iter().map(|error| error.batch_index).collect();
    assert_eq!(named, [1, 3]);
}

#[tokio::test]
async fn tools_are_told_what_they_ask_for() {
    let data = tempfile::tempdir().unwrap();
    let cluster = open(data.path(), Durability::Process, Settings::default()).unwrap();
    cluster.topics.create("topic", 1, std::collections::BTreeMap::new(), false).unwrap();
    let ask = async |request, version| answer(&cluster, &peer(), request, version).await.unwrap();

    let Some(A::ApiVersions(told)) = answer(&cluster, &peer(), Q::ApiVersions(software()), 3).await else {
        panic!()
    };
    let level = told.finalized_features.iter().find(|one| one.name.as_str() == "metadata.version").unwrap();
    assert!(level.max_version_level >= 20 && told.finalized_features_epoch >= 0);

    let topics = vec![MetadataRequestTopic::default().with_name(Some(topic_name("topic")))];
    let request = MetadataRequest::default()
        .with_topics(Some(topics))
        .with_include_topic_authorized_operations(true)
        .with_include_cluster_authorized_operations(true);
    let A::Metadata(told) = ask(Q::Metadata(request), 9).await else { panic!() };
    assert_eq!(
        (told.topics[0].topic_authorized_operations, told.cluster_authorized_operations),
        (3576, 8096)
    );
    let request = DescribeClusterRequest::default().with_include_cluster_authorized_operations(true);
    let A::DescribeCluster(told) = ask(Q::DescribeCluster(request), 0).await else { panic!() };
    assert_eq!(told.cluster_authorized_operations, 8096);

    let A::DescribeAcls(told) = ask(Q::DescribeAcls(DescribeAclsRequest::default()), 3).await else {
        panic!()
    };
    assert_eq!(told.error_code, ResponseError::SecurityDisabled.code());
    let A::DescribeQuorum(told) = ask(quorum(), 2).await else { panic!() };
    assert_eq!((told.topics[0].partitions[0].leader_id, told.nodes.len()), (NODE, 1));
    let elect = |partitions| {
        let topic = elect_leaders_request::TopicPartitions::default();
        let topic = topic.with_topic(topic_name("topic")).with_partitions(partitions);
        Q::ElectLeaders(ElectLeadersRequest::default().with_topic_partitions(Some(vec![topic])))
    };
    let A::ElectLeaders(told) = ask(elect(vec![0, 1]), 2).await else { panic!() };
    let codes: Vec<_> =
        told.replica_election_results[0].partition_result.iter().map(|one| one.error_code).collect();
    let expected = [ResponseError::ElectionNotNeeded, ResponseError::UnknownTopicOrPartition];
    assert_eq!(codes, expected.map(|error| error.code()));
}

fn software() -> ApiVersionsRequest {
    ApiVersionsRequest::default()
        .with_client_software_name(text("test"))
        .with_client_software_version(text("1"))
}

fn quorum() -> Q {
    Q::DescribeQuorum(DescribeQuorumRequest::default().with_topics(vec![
        describe_quorum_request::TopicData::default()
            .with_topic_name(topic_name("__cluster_metadata"))
            .with_partitions(vec![describe_quorum_request::PartitionData::default()]),
    ]))
}

/// An admin client ends a hanging transaction.
#[tokio::test]
async fn a_transaction_is_ended_in_a_partition_by_an_administrator() {
    use crate::log::tests::kit::{NOW, Writer, append, config, given};

    let data = tempfile::tempdir().unwrap();
    let cluster = open(data.path(), Durability::Process, Settings::default()).unwrap();
    cluster.topics.create("topic", 1, std::collections::BTreeMap::new(), false).unwrap();
    let partition = cluster.topics.get("topic").unwrap().partition(0).unwrap();
    let hanging = Writer { id: 7, epoch: 3, sequence: 0, transactional: true };
    append(&mut partition.log(), &[given("key", Some("value"), NOW)], hanging, &config()).unwrap();
    let end = async |epoch, partition| {
        let topic = write_txn_markers_request::WritableTxnMarkerTopic::default()
            .with_name(topic_name("topic"))
            .with_partition_indexes(vec![partition]);
        let marker = write_txn_markers_request::WritableTxnMarker::default()
            .with_producer_id(7.into())
            .with_producer_epoch(epoch)
            .with_topics(vec![topic]);
        let request = WriteTxnMarkersRequest::default().with_markers(vec![marker]);
        let Some(A::WriteTxnMarkers(told)) = answer(&cluster, &peer(), Q::WriteTxnMarkers(request), 1).await
        else {
            panic!()
        };
        told.markers[0].topics[0].partitions[0].error_code
    };
    assert_eq!(end(2, 0).await, ResponseError::InvalidProducerEpoch.code());
    assert_eq!(end(3, 9).await, ResponseError::UnknownTopicOrPartition.code());
    assert_eq!(partition.log().last_stable(), 0);
    assert_eq!(end(3, 0).await, 0);
    assert_eq!(partition.log().last_stable(), 2);
}

/// A response with only an error can be encoded in every version.
#[tokio::test]
async fn an_error_can_be_the_answer_in_every_version() {
    let data = tempfile::tempdir().unwrap();
    let cluster = open(data.path(), Durability::Process, Settings::default()).unwrap();
    let world = World {
        topic: "topic".to_owned(),
        topic_id: Uuid::nil(),
        group: "group".to_owned(),
        member: String::new(),
        generation: 0,
    };
    let mut answered = std::collections::BTreeSet::new();
    for api in TABLE {
        for version in api.min..=api.max {
            let request = sensible(api.key, version, &world);
            let error = ResponseError::NotLeaderOrFollower;
            if let Some(refusal) = refuse(&cluster, &peer(), &request, version, error).await {
                let mut wire = BytesMut::new();
                refusal
                    .encode(&mut wire, version)
                    .unwrap_or_else(|error| panic!("{:?} {version}: {error}", api.key));
                answered.insert(format!("{:?}", api.key));
            }
        }
    }
    assert_eq!(answered.len(), 20, "{answered:?}");
}

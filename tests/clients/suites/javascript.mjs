// What KafkaJS and @platformatic/kafka make of a broker: their packages bring no tests, so these are ours. Each compares
// what came back with what was sent, and says `passed NAME`, or `failed NAME` and why on stderr (or `skipped NAME`).
//
//   node javascript.mjs HOST:PORT, in a folder whose node_modules has both

import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'
import * as zlib from 'node:zlib'

const require = createRequire(process.cwd() + '/')
const kafkajs = require('kafkajs')
const platformatic = await import(require.resolve('@platformatic/kafka'))

const broker = process.argv[2]
const run = Math.random().toString(36).slice(2, 8)
const PATIENCE = 120_000
let failed = 0

async function test(name, body) {
  let timer
  const late = new Promise((_, no) => { timer = setTimeout(() => no(new Error(`takes longer than ${PATIENCE} ms`)), PATIENCE) })
  try {
    await Promise.race([body(), late])
    console.log(`passed ${name}`)
  } catch (error) {
    failed += 1
    console.log(`failed ${name}`)
    console.error(`${name}: ${error.stack}`)
  } finally {
    clearTimeout(timer)
  }
}

async function until(what, condition) {
  for (let i = 0; i < 300; i++) {
    if (await condition()) return
    await sleep(100)
  }
  throw new Error(`not within 30 s: ${what}`)
}

const numbers = (from, to) => Array.from({ length: to - from }, (_, i) => from + i)
const sorted = list => [...list].sort((a, b) => a - b)
const rejects = (promise, pattern) => assert.rejects(promise, error => {
  const text = [error.message, error.type, ...(error.errors ?? []).flatMap(e => [e.message, e.apiId])].join(' ')
  assert.match(text, pattern)
  return true
})

// ---- KafkaJS

const { Kafka, CompressionTypes, ConfigResourceTypes, logLevel, Partitioners } = kafkajs
const js = new Kafka({ clientId: 'suite', brokers: [broker], logLevel: logLevel.NOTHING })
const admin = js.admin()
await admin.connect()

async function topicOf(name, partitions = 3) {
  const topic = `js-${name}-${run}`
  await admin.createTopics({ topics: [{ topic, numPartitions: partitions, replicationFactor: 1 }], waitForLeaders: true })
  return topic
}

/** Reads with `members` consumers until `count` records have come; calls `during` with the consumers and the records. */
async function read(topic, groupId, count, { members = 1, options = {}, eachMessage, during } = {}) {
  const got = []
  const consumers = numbers(0, members).map(() => js.consumer({ groupId, sessionTimeout: 10_000, heartbeatInterval: 500, ...options }))
  try {
    for (const consumer of consumers) {
      await consumer.connect()
      await consumer.subscribe({ topic, fromBeginning: true })
      await consumer.run({
        eachMessage: async one => {
          got.push({ partition: one.partition, offset: Number(one.message.offset), value: String(one.message.value), headers: one.message.headers, key: one.message.key })
          await eachMessage?.(one)
        },
      })
    }
    await during?.(consumers, got)
    await until(`${count} records of ${topic}, ${got.length} came`, () => got.length >= count)
    await sleep(300)
  } finally {
    await Promise.all(consumers.map(consumer => consumer.disconnect()))
  }
  return got
}

const producer = js.producer({ createPartitioner: Partitioners.DefaultPartitioner, allowAutoTopicCreation: true })
await producer.connect()
const send = (topic, values, more = {}) => producer.send({ topic, messages: values.map(i => ({ key: `${i}`, value: `${i}` })), ...more })
const valuesOf = got => sorted(got.map(one => Number(one.value)))

await test('kafkajs.admin', async () => {
  const topic = await topicOf('admin')
  assert.equal(await admin.createTopics({ topics: [{ topic }] }), false, 'a topic is made twice')
  assert.ok((await admin.listTopics()).includes(topic))
  const [{ partitions }] = (await admin.fetchTopicMetadata({ topics: [topic] })).topics
  assert.deepEqual(sorted(partitions.map(p => p.partitionId)), [0, 1, 2])
  await admin.createPartitions({ topicPartitions: [{ topic, count: 5 }] })
  await until('five partitions', async () => (await admin.fetchTopicMetadata({ topics: [topic] })).topics[0].partitions.length === 5)
  await admin.alterConfigs({ resources: [{ type: ConfigResourceTypes.TOPIC, name: topic, configEntries: [{ name: 'retention.ms', value: '3600000' }] }] })
  let value
  await until('retention.ms', async () => {
    const { resources } = await admin.describeConfigs({ includeSynonyms: true, resources: [{ type: ConfigResourceTypes.TOPIC, name: topic, configNames: ['retention.ms'] }] })
    value = resources[0].configEntries.find(e => e.configName === 'retention.ms')
    return value.configValue === '3600000'
  })
  assert.equal(value.configSource, 1)
  const { brokers, controller } = await admin.describeCluster()
  assert.equal(brokers.length, 1)
  assert.equal(controller, brokers[0].nodeId)
  await admin.deleteTopics({ topics: [topic] })
  await until('the topic is gone', async () => !(await admin.listTopics()).includes(topic))
  await rejects(admin.fetchTopicOffsets(`js-none-${run}`), /does not host this topic-partition/)
})

await test('kafkajs.produce-and-consume', async () => {
  const topic = await topicOf('produce')
  const sent = await send(topic, numbers(0, 1000))
  assert.equal(sent.length, 3)
  assert.ok(sent.every(part => part.errorCode === 0 && part.baseOffset === '0'))
  const got = await read(topic, `produce-${run}`, 1000)
  assert.deepEqual(valuesOf(got), numbers(0, 1000))
  for (const p of [0, 1, 2]) {
    const offsets = got.filter(one => one.partition === p).map(one => one.offset)
    assert.deepEqual(offsets, numbers(0, offsets.length))
  }
  assert.equal((await read(topic, `produce-${run}`, 0)).length, 0, 'what was committed comes again')
})

await test('kafkajs.gzip-headers-nulls', async () => {
  const topic = await topicOf('gzip', 1)
  const hour = Date.now() - 3_600_000
  await producer.send({
    topic,
    compression: CompressionTypes.GZIP,
    messages: [{ key: null, value: null, headers: { a: ['1', '2'], b: Buffer.from([0, 255]) }, timestamp: `${hour}` }, { key: '', value: '' }],
  })
  const got = []
  const consumer = js.consumer({ groupId: `gzip-${run}` })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({ eachBatch: async ({ batch }) => { got.push(...batch.messages) } })
  await until('two records', () => got.length === 2)
  await consumer.disconnect()
  assert.equal(got[0].key, null)
  assert.equal(got[0].value, null)
  assert.deepEqual(got[0].headers.a.map(String), ['1', '2'])
  assert.deepEqual(got[0].headers.b, Buffer.from([0, 255]))
  assert.equal(got[0].timestamp, `${hour}`)
  assert.equal(got[1].value.length, 0)
})

await test('kafkajs.acks-0-and-auto-creation', async () => {
  const topic = `js-auto-${run}`
  await send(topic, [0])
  await send(topic, numbers(1, 100), { acks: 0 })
  assert.deepEqual(valuesOf(await read(topic, `auto-${run}`, 100)), numbers(0, 100))
})

await test('kafkajs.group-rebalances', async () => {
  const topic = await topicOf('group', 6)
  const groupId = `group-${run}`
  const got = await read(topic, groupId, 600, {
    members: 3,
    during: async (consumers, got) => {
      await until('three members of a stable group', async () => {
        const group = await consumers[0].describeGroup()
        return group.state === 'Stable' && group.members.length === 3
      })
      await send(topic, numbers(0, 300))
      await until('300 records', () => got.length === 300)
          await consumers[2].disconnect()
      await send(topic, numbers(300, 600))
    },
  })
  assert.deepEqual([...new Set(valuesOf(got))], numbers(0, 600), 'something is missing')
  const [group] = (await admin.describeGroups([groupId])).groups
  assert.equal(group.state, 'Empty')
  assert.ok((await admin.listGroups()).groups.some(g => g.groupId === groupId && g.protocolType === 'consumer'))
  const [{ partitions }] = await admin.fetchOffsets({ groupId, topics: [topic] })
  const ends = await admin.fetchTopicOffsets(topic)
  for (const { partition, offset } of partitions) assert.equal(offset, ends.find(end => end.partition === partition).high)
  await admin.deleteGroups([groupId])
  assert.ok(!(await admin.listGroups()).groups.some(g => g.groupId === groupId))
})

await test('kafkajs.offsets', async () => {
  const topic = await topicOf('offsets', 1)
  const groupId = `offsets-${run}`
  const hour = Date.now() - 3_600_000
  await producer.send({ topic, messages: numbers(0, 10).map(i => ({ value: `${i}`, timestamp: `${hour + i}` })) })
  assert.deepEqual(await admin.fetchTopicOffsetsByTimestamp(topic, hour + 4), [{ partition: 0, offset: '4' }])
  await admin.setOffsets({ groupId, topic, partitions: [{ partition: 0, offset: '7' }] })
  assert.deepEqual(valuesOf(await read(topic, groupId, 3)), [7, 8, 9])
  await admin.resetOffsets({ groupId, topic, earliest: true })
  await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '2' }] })
  const [{ low, high }] = await admin.fetchTopicOffsets(topic)
  assert.deepEqual([low, high], ['2', '10'])
  assert.deepEqual(valuesOf(await read(topic, `${groupId}-2`, 8)), numbers(2, 10))
})

await test('kafkajs.seek-pause-resume', async () => {
  const topic = await topicOf('seek', 1)
  await send(topic, numbers(0, 100))
  const got = await read(topic, `seek-${run}`, 150, {
    during: async ([consumer], got) => {
      await until('100 records', () => got.length === 100)
      consumer.pause([{ topic }])
      consumer.seek({ topic, partition: 0, offset: '50' })
      await sleep(500)
      assert.equal(got.length, 100, 'a paused consumer reads')
      consumer.resume([{ topic }])
    },
  })
  assert.deepEqual(valuesOf(got), sorted([...numbers(0, 100), ...numbers(50, 100)]))
})

await test('kafkajs.transactions', async () => {
  const [source, target] = [await topicOf('source', 1), await topicOf('target', 2)]
  const groupId = `transactions-${run}`
  const one = js.producer({ transactionalId: `js-${run}`, maxInFlightRequests: 1, idempotent: true })
  await one.connect()
  const commit = await one.transaction()
  await commit.send({ topic: target, messages: numbers(0, 10).map(i => ({ value: `${i}` })) })
  await commit.sendOffsets({ consumerGroupId: groupId, topics: [{ topic: source, partitions: [{ partition: 0, offset: '5' }] }] })
  await commit.commit()
  const abort = await one.transaction()
  await abort.send({ topic: target, messages: numbers(10, 20).map(i => ({ value: `${i}` })) })
  await abort.sendOffsets({ consumerGroupId: groupId, topics: [{ topic: source, partitions: [{ partition: 0, offset: '9' }] }] })
  await abort.abort()
  const last = await one.transaction()
  await last.send({ topic: target, messages: numbers(20, 30).map(i => ({ value: `${i}` })) })
  await last.commit()
  assert.deepEqual(valuesOf(await read(target, `committed-${run}`, 20)), [...numbers(0, 10), ...numbers(20, 30)])
  assert.deepEqual(valuesOf(await read(target, `uncommitted-${run}`, 30, { options: { readUncommitted: true } })), numbers(0, 30))
  const [{ partitions }] = await admin.fetchOffsets({ groupId, topics: [source] })
  assert.equal(partitions[0].offset, '5')
  // A second one with the same id fences the first.
  const two = js.producer({ transactionalId: `js-${run}`, maxInFlightRequests: 1, idempotent: true })
  const left = await one.transaction()
  await left.send({ topic: target, messages: [{ value: '99' }] })
  await two.connect()
  const next = await two.transaction()
  await next.send({ topic: target, messages: [{ value: '30' }] })
  await next.commit()
  await assert.rejects(left.commit(), error => /epoch|fenced|INVALID_PRODUCER_EPOCH|PRODUCER_FENCED/i.test(`${error.message} ${error.type}`))
  assert.deepEqual(valuesOf(await read(target, `fenced-${run}`, 21)), [...numbers(0, 10), ...numbers(20, 31)])
  await two.disconnect()
  await one.disconnect()
})

// ---- @platformatic/kafka

const base = { clientId: 'suite', bootstrapBrokers: [broker], retries: 5, retryDelay: 200 }
const { Admin, Consumer, Producer, stringSerializers: serializers, stringDeserializers: deserializers } = platformatic
const boss = new Admin(base)

async function topicFor(name, partitions = 3) {
  const topic = `pf-${name}-${run}`
  await boss.createTopics({ topics: [topic], partitions, replicas: 1 })
  await until('leaders', async () => (await boss.metadata({ topics: [topic], forceUpdate: true }).catch(() => null))?.topics.get(topic))
  return topic
}

async function consume(topics, groupId, count, more = {}, options = {}) {
  const got = []
  const consumer = new Consumer({ ...base, groupId, deserializers, ...options })
  try {
    const stream = await consumer.consume({ topics, mode: 'committed', fallbackMode: 'earliest', maxWaitTime: 200, autocommit: 100, ...more })
    stream.on('data', message => got.push(message))
    stream.on('error', error => got.push(error))
    await until(`${count} records of ${topics}`, () => got.length >= count)
    await sleep(500)
    await stream.close()
  } finally {
    await consumer.close(true)
  }
  return got
}

const writer = new Producer({ ...base, serializers, autocreateTopics: true })
const messages = (topic, list) => list.map(i => ({ topic, key: `${i}`, value: `${i}` }))

await test('platformatic.admin', async () => {
  const topic = await topicFor('admin')
  await rejects(boss.createTopics({ topics: [topic], partitions: 1, replicas: 1 }), /TOPIC_ALREADY_EXISTS/)
  assert.ok((await boss.listTopics()).includes(topic))
  await boss.createPartitions({ topics: [{ name: topic, count: 4 }] })
  await until('four partitions', async () => (await boss.metadata({ topics: [topic], forceUpdate: true })).topics.get(topic).partitionsCount === 4)
  const resource = { resourceType: 2, resourceName: topic }
  await boss.incrementalAlterConfigs({ resources: [{ ...resource, configs: [{ name: 'retention.ms', configOperation: 0, value: '7200000' }] }] })
  await until('retention.ms', async () => {
    const [{ configs }] = await boss.describeConfigs({ resources: [{ ...resource, configurationKeys: ['retention.ms'] }] })
    return configs.length === 1 && configs[0].value === '7200000'
  })
  await writer.send({ messages: messages(topic, numbers(0, 20)) })
  const listed = await boss.listOffsets({ topics: [{ name: topic, partitions: numbers(0, 4).map(partitionIndex => ({ partitionIndex, timestamp: -1n })) }] })
  assert.equal(listed[0].partitions.reduce((sum, p) => sum + Number(p.offset), 0), 20)
  const full = listed[0].partitions.find(p => p.offset > 1n)
  const deleted = await boss.deleteRecords({ topics: [{ name: topic, partitions: [{ partition: full.partitionIndex, offset: 1n }] }] })
  assert.equal(deleted[0].partitions[0].lowWatermark, 1n)
  const dirs = await boss.describeLogDirs({ topics: [{ name: topic, partitions: [0] }] })
  assert.equal(dirs.length, 1)
  assert.deepEqual(await boss.describeClientQuotas({ components: [], strict: false }), [])
  await boss.deleteTopics({ topics: [topic] })
  await until('the topic is gone', async () => !(await boss.listTopics()).includes(topic))
})

for (const compression of ['none', 'gzip', 'snappy', 'lz4', 'zstd']) {
  if (compression === 'zstd' && !('zstdCompressSync' in zlib)) { // Node before 22.15
    console.log('skipped platformatic.produce-and-consume-zstd')
    continue
  }
  await test(`platformatic.produce-and-consume-${compression}`, async () => {
    const topic = await topicFor(`produce-${compression}`)
    await writer.send({ messages: messages(topic, numbers(0, 1000)), compression, idempotent: true, acks: -1 })
    assert.deepEqual(valuesOf(await consume([topic], `pf-${compression}-${run}`, 1000)), numbers(0, 1000))
    assert.equal((await consume([topic], `pf-${compression}-${run}`, 0)).length, 0, 'what was committed comes again')
  })
}

for (const protocol of ['classic', 'consumer']) {
  await test(`platformatic.group-${protocol}`, async () => {
    const topic = await topicFor(`group-${protocol}`, 6)
    const groupId = `pf-group-${protocol}-${run}`
    const got = []
    const member = async () => {
      const consumer = new Consumer({ ...base, groupId, deserializers, groupProtocol: protocol, heartbeatInterval: 500, sessionTimeout: 10_000, rebalanceTimeout: 15_000 })
      const stream = await consumer.consume({ topics: [topic], mode: 'committed', fallbackMode: 'earliest', maxWaitTime: 200, autocommit: 100 })
      stream.on('data', message => got.push(message))
      return { consumer, stream }
    }
    const count = one => (one.consumer.assignments ?? []).reduce((sum, a) => sum + a.partitions.length, 0)
    const [one, two] = [await member(), await member()]
    await until('both have partitions', () => count(one) === 3 && count(two) === 3)
    await writer.send({ messages: messages(topic, numbers(0, 300)) })
    await until('300 records', () => got.length >= 300)
    await sleep(500)
    await two.stream.close()
    await two.consumer.close(true)
    await until('one has all', () => count(one) === 6)
    await writer.send({ messages: messages(topic, numbers(300, 600)) })
    await until('600 records', () => new Set(valuesOf(got)).size === 600)
    await one.stream.close()
    await one.consumer.close(true)
    assert.deepEqual([...new Set(valuesOf(got))], numbers(0, 600))
    const groups = await boss.listGroups({ types: [protocol] })
    assert.ok(groups.has(groupId), `listed are ${[...groups.keys()]}`)
    await boss.deleteGroups({ groups: [groupId] })
  })
}

await test('platformatic.transactions', async () => {
  const [source, target] = [await topicFor('source', 1), await topicFor('target', 2)]
  const groupId = `pf-transactions-${run}`
  await writer.send({ messages: messages(source, numbers(0, 10)) })
  const one = new Producer({ ...base, serializers, idempotent: true, transactionalId: `pf-${run}` })
  const consumer = new Consumer({ ...base, groupId, deserializers })
  const stream = await consumer.consume({ topics: [source], mode: 'earliest', autocommit: false, maxWaitTime: 200 })
  const got = []
  stream.on('data', message => got.push(message))
  await until('ten records', () => got.length === 10)
  const commit = await one.beginTransaction()
  await commit.addConsumer(consumer)
  await commit.send({ messages: messages(target, numbers(0, 5)) })
  await commit.addOffset(got[4])
  await commit.commit()
  const abort = await one.beginTransaction()
  await abort.addConsumer(consumer)
  await abort.send({ messages: messages(target, numbers(5, 10)) })
  await abort.addOffset(got[9])
  await abort.abort()
  const last = await one.beginTransaction()
  await last.send({ messages: messages(target, numbers(10, 15)) })
  await last.commit()
  await stream.close()
  await consumer.close(true)
  await one.close(true)
  assert.deepEqual(valuesOf(await consume([target], `pf-committed-${run}`, 10, { isolationLevel: 1 })), [...numbers(0, 5), ...numbers(10, 15)])
  assert.deepEqual(valuesOf(await consume([target], `pf-uncommitted-${run}`, 15, { isolationLevel: 0 })), numbers(0, 15))
  const [group] = await boss.listConsumerGroupOffsets({ groups: [groupId] })
  const committed = group.topics[0].partitions[0].committedOffset
  assert.ok(committed === 4n || committed === 5n, `committed is ${committed}`)
})

await producer.disconnect()
await admin.disconnect()
await writer.close(true)
await boss.close()
process.exit(failed ? 1 : 0)

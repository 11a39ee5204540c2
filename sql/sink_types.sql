-- SPDX-License-Identifier: ISC
-- Option tables of the pipeline itself and of the built-in sinks.

INSERT INTO tide.sink_types (name, version, builtin, options) VALUES
('@pipeline', '0.1.0', true, '[
{"name":"wire_format","type":"enum","flags":[],"default":"native","choices":["native","raw"],"help":"What an event looks like at the destination"},
{"name":"ordering","type":"enum","flags":[],"default":"key","choices":["key","strict","none"],"help":"Which events may not overtake each other"},
{"name":"batch_size","type":"int","flags":[],"default":"100","min":1,"max":10000,"help":"Events given to the sink in one call"},
{"name":"max_inflight","type":"int","flags":[],"default":"1000","min":1,"max":1000000,"help":"Events read and not yet settled"},
{"name":"max_inflight_bytes","type":"size","flags":[],"default":"16MiB","min":65536,"max":4294967296,"help":"Bytes read and not yet settled"},
{"name":"checkpoint_interval","type":"duration","flags":[],"default":"200ms","min":10,"max":60000,"help":"Time between two writes of the checkpoint"},
{"name":"poll_interval","type":"duration","flags":[],"default":"1s","min":10,"max":3600000,"help":"Longest sleep without looking for events"},
{"name":"ack_timeout","type":"duration","flags":[],"default":"60s","min":1000,"max":3600000,"help":"How long the destination may take to acknowledge"},
{"name":"drain_timeout","type":"duration","flags":[],"default":"30s","min":0,"max":3600000,"help":"How long a stop waits for what is in flight"},
{"name":"max_event_size","type":"size","flags":[],"default":"16MiB","min":1024,"max":1073741824,"help":"Larger events become dead letters"},
{"name":"max_permanent_ratio","type":"int","flags":[],"default":"20","min":0,"max":1000,"help":"Permanent failures in a row that pause the pipeline; 0: never"},
{"name":"retry.initial_backoff","type":"duration","flags":[],"default":"100ms","min":1,"max":3600000,"help":"Wait before the first retry"},
{"name":"retry.max_backoff","type":"duration","flags":[],"default":"30s","min":1,"max":86400000,"help":"Longest wait between two retries"},
{"name":"retry.max_attempts","type":"int","flags":[],"default":"0","min":0,"max":1000000,"help":"Attempts before an event is a dead letter; 0: no limit"},
{"name":"retry.max_age","type":"duration","flags":[],"default":"0","min":0,"max":31536000000,"help":"Age at which a failing event is a dead letter; 0: no limit"},
{"name":"dlq.enabled","type":"bool","flags":[],"default":"true","help":"Whether there are dead letters; without, permanent failures are retried"},
{"name":"on_dead_letter","type":"enum","flags":[],"default":"continue","choices":["continue","park_key"],"help":"What becomes of a key after a dead letter"},
{"name":"start","type":"string","flags":[],"default":"earliest","help":"Where a new pipeline begins: earliest, now, or a time"}
]'),
('webhook', '0.1.0', true, '[
{"name":"url","type":"endpoint","flags":["required"],"help":"Where the requests go"},
{"name":"method","type":"enum","flags":[],"default":"POST","choices":["POST","PUT","PATCH"],"help":"HTTP method"},
{"name":"headers","type":"string","flags":["map"],"help":"Further request headers; values may name secrets"},
{"name":"batch","type":"bool","flags":[],"default":"false","help":"Send arrays of events instead of one event per request"},
{"name":"batch_max_events","type":"int","flags":[],"default":"100","min":1,"max":10000,"help":"Events in one array"},
{"name":"batch_max_bytes","type":"size","flags":[],"default":"1MiB","min":1024,"max":1073741824,"help":"Bytes in one array"},
{"name":"timeout","type":"duration","flags":[],"default":"30s","min":100,"max":600000,"help":"Time for one request"},
{"name":"connect_timeout","type":"duration","flags":[],"default":"10s","min":100,"max":600000,"help":"Time to connect"},
{"name":"max_connections","type":"int","flags":[],"default":"16","min":1,"max":1024,"help":"Connections kept to the destination"},
{"name":"signature.scheme","type":"enum","flags":[],"choices":["hmac-sha256","standard-webhooks"],"help":"How requests are signed"},
{"name":"signature.secret","type":"secret","flags":[],"help":"Key of the signature"},
{"name":"signature.header","type":"string","flags":[],"default":"X-Signature-256","help":"Header that carries the signature"},
{"name":"tls_ca","type":"file","flags":[],"help":"Certificates to trust instead of the system''s"},
{"name":"tls_verify","type":"bool","flags":["advanced"],"default":"true","help":"Verify the server''s certificate"},
{"name":"allow_insecure","type":"bool","flags":["advanced"],"default":"false","help":"Permit plain HTTP to other hosts and unverified TLS"},
{"name":"allow_private","type":"bool","flags":["advanced"],"default":"false","help":"Permit loopback and private addresses"}
]'),
('file', '0.1.0', true, '[
{"name":"path","type":"output","flags":["required"],"help":"File that lines are appended to; - is standard output"},
{"name":"fsync","type":"bool","flags":[],"default":"true","help":"Make events durable before they count as delivered"}
]');

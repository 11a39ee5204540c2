-- SPDX-License-Identifier: ISC
-- Option tables of the pipeline itself and of the built-in sinks, written by
-- sql/generate-sink-types from the tables in worker and plugins.

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
{"name":"url","type":"endpoint","flags":["required"],"help":"Where events are sent by POST, as https://host[:port]/path; credentials do not belong into it, redirects are not followed"},
{"name":"batch","type":"bool","flags":["reload"],"default":"false","help":"Send JSON arrays of events instead of one event per request"},
{"name":"batch_max_events","type":"int","flags":["reload"],"default":"100","min":1,"max":10000,"help":"Most events in one array"},
{"name":"batch_max_bytes","type":"size","flags":["reload"],"default":"1MiB","min":1024,"max":67108864,"help":"Size at which an array is closed; a larger event goes alone"},
{"name":"timeout","type":"duration","flags":["reload"],"default":"20s","min":100,"max":300000,"help":"How long a request may take from its start to the end of the response"},
{"name":"connect_timeout","type":"duration","flags":["reload"],"default":"5s","min":100,"max":60000,"help":"How long connecting may take, TLS handshake included"},
{"name":"max_connections","type":"int","flags":["reload"],"default":"16","min":1,"max":1024,"help":"Most requests at a time; over HTTP/1.1 each has a connection of its own, over HTTP/2 they share one"},
{"name":"http2","type":"enum","flags":["reload","advanced"],"default":"auto","choices":["auto","off"],"help":"auto negotiates HTTP/2 over TLS; without TLS and when off it is HTTP/1.1"},
{"name":"bearer_token","type":"secret","flags":["reload"],"help":"Sent as Authorization: Bearer"},
{"name":"headers","type":"string","flags":["map","reload"],"help":"Headers of every request, as {\"Name\": \"value\"}; values may hold secret references"},
{"name":"forward_headers","type":"bool","flags":["reload"],"default":"true","help":"Send an event''s own headers as HTTP headers, unless their name or value is unsafe or they are set otherwise; not for arrays of several"},
{"name":"signature.scheme","type":"enum","flags":["reload"],"default":"none","choices":["none","hmac-sha256","standard-webhooks"],"help":"How requests are signed"},
{"name":"signature.secret","type":"secret","flags":["reload"],"help":"The signing key: its bytes for hmac-sha256, base64 with or without whsec_ for standard-webhooks"},
{"name":"signature.header","type":"string","flags":["reload"],"default":"X-Signature-256","help":"Name of the header with the signature of hmac-sha256"},
{"name":"signature.extra_secrets","type":"secret","flags":["list","reload","advanced"],"help":"Further keys to sign with while receivers change over, at most 7; standard-webhooks only"},
{"name":"tls.ca_file","type":"file","flags":["reload"],"help":"PEM certificates that the receiver''s must lead to, instead of the system''s"},
{"name":"tls.client_cert","type":"file","flags":["reload"],"help":"PEM certificate, and those between it and its authority, that we show"},
{"name":"tls.client_key","type":"secret","flags":["reload"],"help":"PEM private key of tls.client_cert"},
{"name":"tls.min_version","type":"enum","flags":["reload","advanced"],"default":"1.2","choices":["1.2","1.3"],"help":"Oldest version of TLS that is accepted"},
{"name":"tls.verify","type":"bool","flags":["advanced"],"default":"true","help":"Verify the receiver''s certificate; false only together with allow_insecure, or on this machine"},
{"name":"allow_insecure","type":"bool","flags":["advanced"],"default":"false","help":"Admit http:// URLs, which anyone on the way can read and change, and tls.verify false"},
{"name":"allow_private","type":"bool","flags":["advanced"],"default":"false","help":"Admit receivers on this machine and in private networks; link-local and cloud metadata addresses are refused even then"}
]'),
('file', '0.1.0', true, '[
{"name":"path","type":"output","flags":["required"],"help":"File that events are appended to, below output.dirs; - is standard output, for a look only"},
{"name":"format","type":"enum","flags":["reload"],"default":"jsonl","choices":["jsonl","pretty"],"help":"jsonl writes one event per line, pretty lays each out over several for people to read"},
{"name":"sync","type":"bool","flags":["reload"],"default":"true","help":"Events count as delivered when they are on the disk; false leaves that to the system, and a crash of it may lose them"}
]');

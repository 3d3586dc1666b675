# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a request is answered by the same error as Debian's server answers it with, and what is not JSON-RPC ends the
connection. ID stands for a uuid that no row has."""
import json
import re
import socket

import pytest

import ovsdbtest
from ovsdbtest import peer, program, run

pytestmark = [pytest.mark.peer, pytest.mark.skipif(not peer("ovsdb-server"), reason="needs Debian's programs (OES_PEER_DIR)")]

UUID = re.compile("[0-9a-f]{8}-[0-9a-f-]{27}")

# One operation a line; "abort" stands behind each.
OPERATIONS = r"""
5
"x"
null
[]
{}
{"op":5}
{"op":"nosuch"}
{"table":"Root"}
{"op":null}
{"op":"insert"}
{"op":"insert","table":"Root"}
{"op":"insert","row":{}}
{"op":"insert","table":5,"row":{}}
{"op":"insert","table":"Nosuch","row":{}}
{"op":"insert","table":"Root","row":5}
{"op":"insert","table":"Root","row":[]}
{"op":"insert","table":"Root","row":{"nosuch":1}}
{"op":"insert","table":"Root","row":{"number":"x"}}
{"op":"insert","table":"Root","row":{"number":1.5}}
{"op":"insert","table":"Root","row":{"number":200}}
{"op":"insert","table":"Root","row":{"number":-1}}
{"op":"insert","table":"Root","row":{"big":1e+30}}
{"op":"insert","table":"Root","row":{"big":9223372036854775808}}
{"op":"insert","table":"Root","row":{"big":true}}
{"op":"insert","table":"Root","row":{"ratio":"x"}}
{"op":"insert","table":"Root","row":{"flag":1}}
{"op":"insert","table":"Root","row":{"flag":"true"}}
{"op":"insert","table":"Root","row":{"name":5}}
{"op":"insert","table":"Root","row":{"name":null}}
{"op":"insert","table":"Root","row":{"name":["set",[]]}}
{"op":"insert","table":"Root","row":{"name":["set",["a","b"]]}}
{"op":"insert","table":"Root","row":{"colour":"blue"}}
{"op":"insert","table":"Root","row":{"colour":["set",["red","green"]]}}
{"op":"insert","table":"Root","row":{"short":"toolong"}}
{"op":"insert","table":"Root","row":{"few":["set",[1,2,3,4]]}}
{"op":"insert","table":"Root","row":{"few":["set",[1,1]]}}
{"op":"insert","table":"Root","row":{"few":["set",5]}}
{"op":"insert","table":"Root","row":{"few":["set"]}}
{"op":"insert","table":"Root","row":{"few":["sett",[1]]}}
{"op":"insert","table":"Root","row":{"few":["set",[1],2]}}
{"op":"insert","table":"Root","row":{"few":["set",["x"]]}}
{"op":"insert","table":"Root","row":{"few":{}}}
{"op":"insert","table":"Root","row":{"few":[]}}
{"op":"insert","table":"Root","row":{"map":["map",[["a","b"],["a","c"]]]}}
{"op":"insert","table":"Root","row":{"map":["map",[["a"]]]}}
{"op":"insert","table":"Root","row":{"map":["map",["a"]]}}
{"op":"insert","table":"Root","row":{"map":["map",5]}}
{"op":"insert","table":"Root","row":{"map":["set",[]]}}
{"op":"insert","table":"Root","row":{"map":5}}
{"op":"insert","table":"Root","row":{"map":["map",[["a",1]]]}}
{"op":"insert","table":"Root","row":{"map":["map",[[1,"b"]]]}}
{"op":"insert","table":"Root","row":{"map":["map",[["a","b"],["a","b"]]]}}
{"op":"insert","table":"Root","row":{"child":"x"}}
{"op":"insert","table":"Root","row":{"child":["uuid","x"]}}
{"op":"insert","table":"Root","row":{"child":["uuid",5]}}
{"op":"insert","table":"Root","row":{"child":["uuid"]}}
{"op":"insert","table":"Root","row":{"child":["uuid","ID"]}}
{"op":"insert","table":"Root","row":{"weak":["uuid","ID"]}}
{"op":"insert","table":"Root","row":{"child":["named-uuid","nosuch"]}}
{"op":"insert","table":"Root","row":{"child":["named-uuid",5]}}
{"op":"insert","table":"Root","row":{"child":["named-uuid","0bad"]}}
{"op":"insert","table":"Root","row":{"child":["set",[["uuid","ID"],["uuid","ID"]]]}}
{"op":"insert","table":"Root","row":{"child":["set",[["uuid","ID"]]]}}
{"op":"insert","table":"Root","row":{},"uuid-name":5}
{"op":"insert","table":"Root","row":{},"uuid-name":"0bad"}
{"op":"insert","table":"Root","row":{},"uuid-name":"a b"}
{"op":"insert","table":"Root","row":{},"uuid":5}
{"op":"insert","table":"Root","row":{},"uuid":"x"}
{"op":"insert","table":"Root","row":{},"uuid":"00000000-0000-4000-8000-00000000000"}
{"op":"insert","table":"Root","row":{},"nosuch":1}
{"op":"insert","table":"Root","row":{"_uuid":["uuid","ID"]}}
{"op":"insert","table":"Root","row":{"_version":["uuid","ID"]}}
{"op":"insert","table":"Root","row":{"_nosuch":1}}
{"op":"insert","table":"Root","row":{"fixed":5}}
{"op":"insert","table":"Needy","row":{"must":["set",[]]}}
{"op":"insert","table":"Needy","row":{}}
{"op":"insert","table":"Child","row":{"next":["set",[["uuid","ID"],["named-uuid","x"]]]}}
{"op":"select"}
{"op":"select","table":"Root"}
{"op":"select","table":"Root","where":5}
{"op":"select","table":"Root","where":{}}
{"op":"select","table":"Root","where":[5]}
{"op":"select","table":"Root","where":[[]]}
{"op":"select","table":"Root","where":[["name"]]}
{"op":"select","table":"Root","where":[["name","=="]]}
{"op":"select","table":"Root","where":[["name","==",1]]}
{"op":"select","table":"Root","where":[["name","==","x",1]]}
{"op":"select","table":"Root","where":[["nosuch","==",1]]}
{"op":"select","table":"Root","where":[[5,"==",1]]}
{"op":"select","table":"Root","where":[["name",5,1]]}
{"op":"select","table":"Root","where":[["name","=","x"]]}
{"op":"select","table":"Root","where":[["name","<","x"]]}
{"op":"select","table":"Root","where":[["flag","<=",true]]}
{"op":"select","table":"Root","where":[["map","<",["map",[]]]]}
{"op":"select","table":"Root","where":[["few","<",1]]}
{"op":"select","table":"Root","where":[["number","<",["set",[1,2]]]]}
{"op":"select","table":"Root","where":[["child",">",["uuid","ID"]]]}
{"op":"select","table":"Root","where":[["name","includes",5]]}
{"op":"select","table":"Root","where":[["few","includes",["set",["x"]]]]}
{"op":"select","table":"Root","where":[["number","==",["set",[]]]]}
{"op":"select","table":"Root","where":[["_uuid","==","x"]]}
{"op":"select","table":"Root","where":[["_uuid","==",["uuid","x"]]]}
{"op":"select","table":"Root","where":[["_uuid","<",["uuid","ID"]]]}
{"op":"select","table":"Root","where":[["few","excludes",["set",[1,1]]]]}
{"op":"select","table":"Root","where":[["map","includes",["set",[]]]]}
{"op":"select","table":"Root","where":[true]}
{"op":"select","table":"Root","where":[["number","==",500]]}
{"op":"select","table":"Root","where":[["colour","==","blue"]]}
{"op":"select","table":"Root","where":[],"columns":5}
{"op":"select","table":"Root","where":[],"columns":[5]}
{"op":"select","table":"Root","where":[],"columns":["nosuch"]}
{"op":"select","table":"Root","where":[],"columns":["name","name"]}
{"op":"select","table":"Root","where":[],"columns":{}}
{"op":"select","table":"Root","where":[],"nosuch":1}
{"op":"update","table":"Root","row":{}}
{"op":"update","table":"Root","where":[]}
{"op":"update","table":"Root","where":[],"row":{"fixed":"x"}}
{"op":"update","table":"Root","where":[],"row":{"_uuid":["uuid","ID"]}}
{"op":"update","table":"Root","where":[],"row":{"nosuch":1}}
{"op":"update","table":"Root","where":[],"row":5}
{"op":"update","table":"Root","where":[],"row":{"number":["set",[]]}}
{"op":"mutate","table":"Root","where":[]}
{"op":"mutate","table":"Root","where":[],"mutations":5}
{"op":"mutate","table":"Root","where":[],"mutations":[5]}
{"op":"mutate","table":"Root","where":[],"mutations":[[]]}
{"op":"mutate","table":"Root","where":[],"mutations":[["number"]]}
{"op":"mutate","table":"Root","where":[],"mutations":[["number","+="]]}
{"op":"mutate","table":"Root","where":[],"mutations":[["number","+=","x"]]}
{"op":"mutate","table":"Root","where":[],"mutations":[["number","+=",1,2]]}
{"op":"mutate","table":"Root","where":[],"mutations":[["nosuch","+=",1]]}
{"op":"mutate","table":"Root","where":[],"mutations":[["number","nosuch",1]]}
{"op":"mutate","table":"Root","where":[],"mutations":[["number",5,1]]}
{"op":"mutate","table":"Root","where":[],"mutations":[[5,"+=",1]]}
{"op":"mutate","table":"Root","where":[],"mutations":[["name","+=","x"]]}
{"op":"mutate","table":"Root","where":[],"mutations":[["flag","+=",1]]}
{"op":"mutate","table":"Root","where":[],"mutations":[["map","+=",1]]}
{"op":"mutate","table":"Root","where":[],"mutations":[["fixed","insert","x"]]}
{"op":"mutate","table":"Root","where":[],"mutations":[["number","insert",1]]}
{"op":"mutate","table":"Root","where":[],"mutations":[["number","delete",1]]}
{"op":"mutate","table":"Root","where":[],"mutations":[["few","insert","x"]]}
{"op":"mutate","table":"Root","where":[],"mutations":[["ratio","%=",1]]}
{"op":"mutate","table":"Root","where":[],"mutations":[["number","/=",0]]}
{"op":"mutate","table":"Root","where":[],"mutations":[["number","%=",0]]}
{"op":"mutate","table":"Root","where":[],"mutations":[["number","+=",1000]]}
{"op":"mutate","table":"Root","where":[],"mutations":[["number","-=",100]]}
{"op":"mutate","table":"Root","where":[],"mutations":[["big","*=",9223372036854775807],["big","*=",4]]}
{"op":"mutate","table":"Root","where":[],"mutations":[["ratio","/=",0]]}
{"op":"mutate","table":"Root","where":[],"mutations":[["few","insert",["set",[1,2,3,4]]]]}
{"op":"mutate","table":"Root","where":[],"mutations":[["few","+=",["set",[1,2]]]]}
{"op":"mutate","table":"Root","where":[],"mutations":[["map","insert",["set",[]]]]}
{"op":"mutate","table":"Root","where":[],"mutations":[["map","delete",5]]}
{"op":"mutate","table":"Root","where":[],"mutations":[["_uuid","insert",["uuid","ID"]]]}
{"op":"mutate","table":"Needy","where":[],"mutations":[["must","delete",["set",[]]]]}
{"op":"mutate","table":"Root","where":[],"mutations":[["few","insert",["set",[1,1]]]]}
{"op":"mutate","table":"Root","where":[],"mutations":[["map","insert",["map",[["a","b"],["a","c"]]]]]}
{"op":"mutate","table":"Root","where":[],"mutations":[["name","insert","x"]]}
{"op":"mutate","table":"Root","where":[],"mutations":[["colour","insert","blue"]]}
{"op":"mutate","table":"Root","where":[],"mutations":[["short","insert","xxxx"]]}
{"op":"mutate","table":"Root","where":[],"mutations":[["few","+=",1.5]]}
{"op":"mutate","table":"Root","where":[],"mutations":[["few","+=",1]]}
{"op":"mutate","table":"Root","where":[],"mutations":[["big","+=",9223372036854775807],["big","+=",9223372036854775807]]}
{"op":"mutate","table":"Root","where":[],"mutations":[["number","*=",0.5]]}
{"op":"delete","table":"Root"}
{"op":"delete","where":[]}
{"op":"delete","table":"Root","where":[["nosuch","==",1]]}
{"op":"wait","table":"Root","where":[],"columns":["name"],"until":"x","rows":[],"timeout":0}
{"op":"wait","table":"Root","where":[],"columns":["name"],"until":5,"rows":[],"timeout":0}
{"op":"wait","table":"Root","where":[],"columns":["name"],"until":"==","rows":[],"timeout":-1}
{"op":"wait","table":"Root","where":[],"columns":["name"],"until":"==","rows":[],"timeout":"x"}
{"op":"wait","table":"Root","where":[],"columns":["name"],"until":"==","rows":[],"timeout":1.5}
{"op":"wait","table":"Root","where":[],"columns":["name"],"until":"==","rows":5,"timeout":0}
{"op":"wait","table":"Root","where":[],"columns":["name"],"until":"==","rows":[5],"timeout":0}
{"op":"wait","table":"Root","where":[],"columns":["name"],"until":"==","rows":[{}],"timeout":0}
{"op":"wait","table":"Root","where":[],"columns":["name"],"until":"==","rows":[{"nosuch":1}],"timeout":0}
{"op":"wait","table":"Root","where":[],"columns":["name"],"until":"==","rows":[{"name":5}],"timeout":0}
{"op":"wait","table":"Root","where":[],"columns":5,"until":"==","rows":[],"timeout":0}
{"op":"wait","table":"Root","where":[],"columns":["nosuch"],"until":"==","rows":[],"timeout":0}
{"op":"wait","table":"Root","where":[],"columns":["name"],"until":"==","rows":[],"timeout":0}
{"op":"wait","table":"Root","where":[],"columns":["name"],"until":"==","rows":[{"name":"x"}],"timeout":0}
{"op":"wait","table":"Root"}
{"op":"wait","table":"Root","where":[],"columns":["name"],"until":"!=","rows":[{"name":"base"}],"timeout":0}
{"op":"wait","table":"Root","where":[],"columns":["name"],"until":"==","rows":[{"number":1}],"timeout":0}
{"op":"commit"}
{"op":"commit","durable":5}
{"op":"commit","durable":true,"x":1}
{"op":"abort"}
{"op":"abort","x":1}
{"op":"comment"}
{"op":"comment","comment":5}
{"op":"comment","comment":"x","y":1}
{"op":"assert"}
{"op":"assert","lock":5}
{"op":"assert","lock":"0bad"}
{"op":"assert","lock":"a"}
{"op":"assert","lock":"a b"}
"""

# All operations of a transaction.
TRANSACTIONS = r"""
[{"op":"insert","table":"Root","row":{"name":"base"}}]
[{"op":"insert","table":"Root","row":{"name":"n1"},"uuid-name":"a"},{"op":"insert","table":"Root","row":{"name":"n2"},"uuid-name":"a"}]
[{"op":"insert","table":"Single","row":{"x":1}},{"op":"insert","table":"Single","row":{"x":2}}]
[{"op":"insert","table":"Root","row":{"name":"n1"}},{"op":"insert","table":"Root","row":{"name":"n1"}}]
[{"op":"insert","table":"Root","row":{"name":"n1"},"uuid":"ID"},{"op":"insert","table":"Root","row":{"name":"n2"},"uuid":"ID"}]
[{"op":"insert","table":"Child","row":{"name":"c"},"uuid-name":"c"},{"op":"insert","table":"Root","row":{"name":"r","child":["named-uuid","c"]}},{"op":"delete","table":"Child","where":[]},{"op":"abort"}]
[{"op":"insert","table":"Root","row":{"name":"n"}},{"op":"nosuch"},{"op":"insert","table":"Root","row":{"name":"m"}}]
[{"op":"insert","table":"Root","row":{"name":"n"}},5]
[{"op":"insert","table":"Root","row":{"name":"q1","few":["set",[1,2]]}},{"op":"mutate","table":"Root","where":[["name","==","q1"]],"mutations":[["few","*=",0]]},{"op":"abort"}]
[{"op":"delete","table":"Child","where":[]}]
"""

# Whole requests, each on a connection of its own. Left out: what ends Debian's server ("monitor" with one parameter).
REQUESTS = r"""
{"method":"transact","params":[],"id":1}
{"method":"transact","params":[5],"id":1}
{"method":"transact","params":["nosuch"],"id":1}
{"method":"transact","params":{},"id":1}
{"method":"transact","params":["T"],"id":1}
{"method":"nosuch","params":[],"id":1}
{"method":"get_schema","params":[],"id":1}
{"method":"get_schema","params":[5],"id":1}
{"method":"get_schema","params":["nosuch"],"id":1}
{"method":"get_schema","params":["T","x"],"id":1}
{"method":"list_dbs","params":["x"],"id":1}
{"method":"monitor","params":[],"id":1}
{"method":"monitor","params":["T","m",5],"id":1}
{"method":"monitor","params":["T","m",{"Nosuch":{}}],"id":1}
{"method":"monitor","params":["T","m",{"Root":5}],"id":1}
{"method":"monitor","params":["T","m",{"Root":{"columns":5}}],"id":1}
{"method":"monitor","params":["T","m",{"Root":{"columns":["nosuch"]}}],"id":1}
{"method":"monitor","params":["T","m",{"Root":{"columns":[5]}}],"id":1}
{"method":"monitor","params":["T","m",{"Root":{"columns":["name","name"]}}],"id":1}
{"method":"monitor","params":["T","m",{"Root":{"select":5}}],"id":1}
{"method":"monitor","params":["T","m",{"Root":{"select":{"initial":5}}}],"id":1}
{"method":"monitor","params":["T","m",{"Root":{"select":{"nosuch":true}}}],"id":1}
{"method":"monitor","params":["T","m",{"Root":{"nosuch":5}}],"id":1}
{"method":"monitor","params":["nosuch","m",{}],"id":1}
{"method":"monitor","params":["T","m",{"Root":[{"columns":["name"]},{"columns":["name"]}]}],"id":1}
{"method":"monitor_cond","params":["T","m2",{"Root":[{"where":[["nosuch","==",1]]}]}],"id":1}
{"method":"monitor_cond","params":["T","m2",{"Root":[{"where":5}]}],"id":1}
{"method":"monitor_cond","params":["T","m3",{"Root":{"where":[[5]]}}],"id":1}
{"method":"monitor_cond_since","params":["T","m4",{"Root":{}}],"id":1}
{"method":"monitor_cond_since","params":["T","m5",{"Root":{}},5],"id":1}
{"method":"monitor_cond_since","params":["T","m6",{"Root":{}},"x"],"id":1}
{"method":"monitor_cancel","params":[],"id":1}
{"method":"monitor_cancel","params":["nosuch"],"id":1}
{"method":"monitor_cancel","params":["a","b"],"id":1}
{"method":"monitor_cond_change","params":[],"id":1}
{"method":"monitor_cond_change","params":["nosuch","x",{}],"id":1}
{"method":"monitor_cond_change","params":["nosuch","x",5],"id":1}
{"method":"lock","params":[],"id":1}
{"method":"lock","params":[5],"id":1}
{"method":"lock","params":["0bad"],"id":1}
{"method":"unlock","params":["nosuch"],"id":1}
{"method":"unlock","params":[],"id":1}
{"method":"steal","params":["a","b"],"id":1}
{"method":"steal","params":[],"id":1}
{"method":"convert","params":[],"id":1}
{"method":"convert","params":["nosuch",{}],"id":1}
{"method":"set_db_change_aware","params":[],"id":1}
{"method":"set_db_change_aware","params":[5],"id":1}
{"method":"get_server_id","params":["x"],"id":1}
{"method":"cancel","params":["x"],"id":1}
{"method":"set_db_change_aware","params":[true,1],"id":1}
{"method":"echo","params":5,"id":1}
{"method":"transact","params":["T"],"id":"x"}
{"method":"transact","params":["T",{"op":"select"}],"id":null}
{"method":"echo","params":[]}
{"method":5,"params":[],"id":1}
{"params":[],"id":1}
{"id":1}
{}
[]
"x"
{"method":"echo","params":[],"id":1,"x":2}
{"method":"echo","id":1}
{"method":"echo","params":[],"id":1,"error":"x"}
{"method":"echo","params":[],"id":1,"result":null}
"""

# Schemas that are none.
SCHEMAS = r"""
5
[]
{}
{"name":5}
{"name":"X"}
{"name":"0bad","tables":{}}
{"name":"X","tables":5}
{"name":"X","tables":{"T":5}}
{"name":"X","version":"x","tables":{}}
{"name":"X","version":5,"tables":{}}
{"name":"X","tables":{},"zzz":1}
{"name":"X","cksum":5,"tables":{}}
{"name":"X","tables":{"0bad":{"columns":{"c":{"type":"string"}}}}}
{"name":"X","tables":{"_x":{"columns":{"c":{"type":"string"}}}}}
{"name":"X","version":"1.0.0","tables":{"T":{}}}
{"name":"X","version":"1.0.0","tables":{"T":{"columns":5}}}
{"name":"X","version":"1.0.0","tables":{"T":{"columns":{}}}}
{"name":"X","version":"1.0.0","tables":{"T":{"columns":{"_c":{"type":"string"}}}}}
{"name":"X","version":"1.0.0","tables":{"T":{"columns":{"0c":{"type":"string"}}}}}
{"name":"X","version":"1.0.0","tables":{"T":{"columns":{"c":5}}}}
{"name":"X","version":"1.0.0","tables":{"T":{"columns":{"c":{"type":"string"}},"maxRows":0}}}
{"name":"X","version":"1.0.0","tables":{"T":{"columns":{"c":{"type":"string"}},"maxRows":"x"}}}
{"name":"X","version":"1.0.0","tables":{"T":{"columns":{"c":{"type":"string"}},"isRoot":5}}}
{"name":"X","version":"1.0.0","tables":{"T":{"columns":{"c":{"type":"string"}},"zzz":5}}}
{"name":"X","version":"1.0.0","tables":{"T":{"columns":{"c":{"type":"string"}},"indexes":5}}}
{"name":"X","version":"1.0.0","tables":{"T":{"columns":{"c":{"type":"string"}},"indexes":[5]}}}
{"name":"X","version":"1.0.0","tables":{"T":{"columns":{"c":{"type":"string"}},"indexes":[[]]}}}
{"name":"X","version":"1.0.0","tables":{"T":{"columns":{"c":{"type":"string"}},"indexes":[["d"]]}}}
{"name":"X","version":"1.0.0","tables":{"T":{"columns":{"c":{"type":"string"}},"indexes":[["c","c"]]}}}
{"name":"X","version":"1.0.0","tables":{"T":{"columns":{"c":{"type":"string","ephemeral":true}},"indexes":[["c"]]}}}
{"name":"X","version":"1.0.0","tables":{"T":{"columns":{"c":{}}}}}
{"name":"X","version":"1.0.0","tables":{"T":{"columns":{"c":{"type":5}}}}}
{"name":"X","version":"1.0.0","tables":{"T":{"columns":{"c":{"type":"strin"}}}}}
{"name":"X","version":"1.0.0","tables":{"T":{"columns":{"c":{"type":{}}}}}}
{"name":"X","version":"1.0.0","tables":{"T":{"columns":{"c":{"type":"string","zzz":1}}}}}
{"name":"X","version":"1.0.0","tables":{"T":{"columns":{"c":{"type":"string","mutable":5}}}}}
{"name":"X","version":"1.0.0","tables":{"T":{"columns":{"c":{"type":"string","ephemeral":5}}}}}
{"name":"X","version":"1.0.0","tables":{"T":{"columns":{"c":{"type":{"key":5}}}}}}
{"name":"X","version":"1.0.0","tables":{"T":{"columns":{"c":{"type":{"key":"x"}}}}}}
{"name":"X","version":"1.0.0","tables":{"T":{"columns":{"c":{"type":{"key":{}}}}}}}
{"name":"X","version":"1.0.0","tables":{"T":{"columns":{"c":{"type":{"key":{"type":"x"}}}}}}}
{"name":"X","version":"1.0.0","tables":{"T":{"columns":{"c":{"type":{"key":{"type":5}}}}}}}
{"name":"X","version":"1.0.0","tables":{"T":{"columns":{"c":{"type":{"key":{"type":"integer","minInteger":5,"maxInteger":1}}}}}}}
{"name":"X","version":"1.0.0","tables":{"T":{"columns":{"c":{"type":{"key":{"type":"integer","minReal":1}}}}}}}
{"name":"X","version":"1.0.0","tables":{"T":{"columns":{"c":{"type":{"key":{"type":"string","minLength":-1}}}}}}}
{"name":"X","version":"1.0.0","tables":{"T":{"columns":{"c":{"type":{"key":{"type":"string","minLength":5,"maxLength":1}}}}}}}
{"name":"X","version":"1.0.0","tables":{"T":{"columns":{"c":{"type":{"key":{"type":"string","enum":5}}}}}}}
{"name":"X","version":"1.0.0","tables":{"T":{"columns":{"c":{"type":{"key":{"type":"string","enum":["set",[]]}}}}}}}
{"name":"X","version":"1.0.0","tables":{"T":{"columns":{"c":{"type":{"key":{"type":"string","enum":["set",[1]]}}}}}}}
{"name":"X","version":"1.0.0","tables":{"T":{"columns":{"c":{"type":{"key":{"type":"string","enum":["set",["a","a"]]}}}}}}}
{"name":"X","version":"1.0.0","tables":{"T":{"columns":{"c":{"type":{"key":{"type":"uuid","refTable":"No"}}}}}}}
{"name":"X","version":"1.0.0","tables":{"T":{"columns":{"c":{"type":{"key":{"type":"uuid","refTable":5}}}}}}}
{"name":"X","version":"1.0.0","tables":{"T":{"columns":{"c":{"type":{"key":{"type":"uuid","refType":"weak"}}}}}}}
{"name":"X","version":"1.0.0","tables":{"T":{"columns":{"c":{"type":{"key":{"type":"uuid","refTable":"T","refType":"x"}}}}}}}
{"name":"X","version":"1.0.0","tables":{"T":{"columns":{"c":{"type":{"key":{"type":"string","refTable":"T"}}}}}}}
{"name":"X","version":"1.0.0","tables":{"T":{"columns":{"c":{"type":{"key":{"type":"integer","zzz":1}}}}}}}
{"name":"X","version":"1.0.0","tables":{"T":{"columns":{"c":{"type":{"key":{"type":"integer","minInteger":"x"}}}}}}}
{"name":"X","version":"1.0.0","tables":{"T":{"columns":{"c":{"type":{"key":{"type":"real","minReal":2,"maxReal":1}}}}}}}
{"name":"X","version":"1.0.0","tables":{"T":{"columns":{"c":{"type":{"key":"string","min":2}}}}}}
{"name":"X","version":"1.0.0","tables":{"T":{"columns":{"c":{"type":{"key":"string","min":-1}}}}}}
{"name":"X","version":"1.0.0","tables":{"T":{"columns":{"c":{"type":{"key":"string","min":1.5}}}}}}
{"name":"X","version":"1.0.0","tables":{"T":{"columns":{"c":{"type":{"key":"string","max":0}}}}}}
{"name":"X","version":"1.0.0","tables":{"T":{"columns":{"c":{"type":{"key":"string","max":"x"}}}}}}
{"name":"X","version":"1.0.0","tables":{"T":{"columns":{"c":{"type":{"key":"string","min":"x"}}}}}}
{"name":"X","version":"1.0.0","tables":{"T":{"columns":{"c":{"type":{"key":"string","value":5}}}}}}
{"name":"X","version":"1.0.0","tables":{"T":{"columns":{"c":{"type":{"key":"string","value":"x"}}}}}}
{"name":"X","version":"1.0.0","tables":{"T":{"columns":{"c":{"type":{"key":"string","zzz":1}}}}}}
{"name":"X","version":"1.0.0","tables":{"T":{"columns":{"c":{"type":{"value":"string"}}}}}}
{"name":"X","version":"1.0.0","tables":{"T":{"columns":{"c":{"type":{"key":"string","min":0,"max":"unlimited","value":{"type":"uuid","refTable":"No"}}}}}}}
"""

# What is no request.
TEXTS = [
    "{\"method\":\"echo\",\"params\":[1,],\"id\":1}", "{\"method\":\"echo\" \"params\":[],\"id\":1}", "{method:1}",
    "{\"a\":01}", "{\"a\":1.}", "{\"a\":.5}", "{\"a\":1e}", "{\"a\":tru}", "{\"a\":nul}", "\"\\x\"", "[\"\\u12\"]",
    "[\"\\ud800\"]", "[\"\\ud800x\"]", "[\"\\u0000\"]", '["a\nb"]', '["a\tb"]', "{\"a\":1]", "[1}", "]", "}", ",", ":",
    "{,}", "[,]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{5:1}", "{\"a\":+1}", "{\"a\":-}", "{\"a\":--1}", "{\"a\":1e999}",
    "{\"a\":1 2}", "[1 2]", "['a']", "{\"a\":NaN}", '\x01', "#", "/*x*/", "{\"a\":1}}",
    "{\"a\":0x1}", '{"a":"ÿ"}', '["\x7f"]', "[\"\\/\"]",
    "{\"a\":1e5.5}", "-", "[tru e]", "truefalse", "\"abc\" x", "[1,,2]", "{\"a\"::1}", "{\"\":1}", "[" * 2000]


def lines(text):
    return [line for line in text.strip().splitlines()]


def masked(answer):
    """Debian's repeats in "syntax" what it could not read, and leaves out a result that is null."""
    if isinstance(answer, dict):
        answer = {k: masked(v) for k, v in answer.items() if k != "syntax" and not (k == "result" and v is None)}
    elif isinstance(answer, list):
        answer = [masked(v) for v in answer]
    elif isinstance(answer, str):
        # Which of two rows with equal values comes first is chance with Debian's.
        answer = re.sub(r"  First row, .*", "", UUID.sub("UUID", answer))
    return answer


@pytest.fixture
def pair(tmp_path):
    servers = []
    for name, binary in (("ours", None), ("theirs", peer("ovsdb-server"))):
        (tmp_path / name).mkdir()
        s = ovsdbtest.Server(tmp_path / name, ovsdbtest.create(tmp_path / name), binary=binary).start()
        s.connect().transact({"op": "insert", "table": "Root", "row": {"name": "base", "number": 1, "big": 9, "few": 5}})
        servers.append(s)
    yield servers
    for s in servers:
        s.stop()


def differing(pair, text, ask):
    different = {}
    for line in lines(text):
        request = json.loads(line.replace("ID", "00000000-0000-4000-8000-000000000001"))
        ours, theirs = (masked(ask(s, request)) for s in pair)
        if ours != theirs:
            different[line] = ours, theirs
    return different


def test_wrong_operations_have_debians_errors(pair):
    connections = {s: s.connect() for s in pair}
    assert differing(pair, OPERATIONS, lambda s, op: connections[s].transact(op, {"op": "abort"})) == {}


def test_wrong_transactions_have_debians_errors(pair):
    connections = {s: s.connect() for s in pair}
    assert differing(pair, TRANSACTIONS, lambda s, ops: connections[s].transact(*ops)) == {}


def answer_or_end(server, data, last=True):
    c = server.connect()
    c.send(data)
    if last:
        c.sock.shutdown(socket.SHUT_WR)
    try:
        return c.receive()
    except ovsdbtest.Closed:
        return "closed"
    finally:
        c.close()


def test_wrong_requests_have_debians_errors(pair):
    assert differing(pair, REQUESTS, lambda s, request: answer_or_end(s, json.dumps(request).encode())) == {}


@pytest.mark.parametrize("text", TEXTS, ids=ascii)
def test_what_is_no_request_ends_the_connection(pair, text):
    assert [answer_or_end(s, text.encode("latin-1") + b"\n", last=False) for s in pair] == ["closed", "closed"]


@pytest.mark.parametrize("schema", lines(SCHEMAS))
def test_a_wrong_schema_is_refused_as_by_debians_tool(tmp_path, schema):
    """In words of our own, which name file and place."""
    (tmp_path / "schema").write_text(schema)
    for tool in (program, peer):
        p = run(tool("ovsdb-tool"), "create", tmp_path / "db", tmp_path / "schema", check=False)
        assert (p.returncode, p.stdout) == (1, "") and not (tmp_path / "db").exists()
        assert str(tmp_path / "schema") in p.stderr and len(p.stderr.splitlines()) == 1

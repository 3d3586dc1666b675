# SPDX-License-Identifier: Apache-2.0
"""A learning switch on os-ken, for any of OpenFlow 1.0, 1.3 and 1.5; the controller of test_controller.py.
usage: learning_switch.py PORT VERSION   (listens on 127.0.0.1:PORT)"""
import sys

from os_ken.base import app_manager
from os_ken.controller import ofp_event
from os_ken.controller.handler import CONFIG_DISPATCHER, MAIN_DISPATCHER, set_ev_cls
from os_ken.lib import hub
from os_ken.lib.packet import ethernet, packet
from os_ken.ofproto import ofproto_v1_0, ofproto_v1_3, ofproto_v1_5

VERSIONS = {"1.0": ofproto_v1_0.OFP_VERSION, "1.3": ofproto_v1_3.OFP_VERSION, "1.5": ofproto_v1_5.OFP_VERSION}


class LearningSwitch(app_manager.OSKenApp):
    OFP_VERSIONS = [VERSIONS[sys.argv[2]]] if len(sys.argv) > 2 and sys.argv[2] in VERSIONS else list(VERSIONS.values())

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.where = {}

    def flow(self, dp, match, actions, priority):
        ofp, parser = dp.ofproto, dp.ofproto_parser
        if ofp.OFP_VERSION == ofproto_v1_0.OFP_VERSION:
            return parser.OFPFlowMod(dp, match=match, cookie=0, command=ofp.OFPFC_ADD, priority=priority, actions=actions)
        inst = [parser.OFPInstructionActions(ofp.OFPIT_APPLY_ACTIONS, actions)]
        return parser.OFPFlowMod(dp, match=match, priority=priority, instructions=inst)

    @set_ev_cls(ofp_event.EventOFPSwitchFeatures, CONFIG_DISPATCHER)
    def connected(self, ev):
        dp = ev.msg.datapath
        ofp, parser = dp.ofproto, dp.ofproto_parser
        dp.send_msg(self.flow(dp, parser.OFPMatch(), [parser.OFPActionOutput(ofp.OFPP_CONTROLLER, 65535)], 0))
        dp.send_msg(parser.OFPBarrierRequest(dp))
        print("connected", flush=True)

    @set_ev_cls(ofp_event.EventOFPPacketIn, MAIN_DISPATCHER)
    def packet_in(self, ev):
        msg = ev.msg
        dp = msg.datapath
        ofp, parser = dp.ofproto, dp.ofproto_parser
        old = ofp.OFP_VERSION == ofproto_v1_0.OFP_VERSION
        in_port = msg.in_port if old else msg.match["in_port"]
        eth = packet.Packet(msg.data).get_protocols(ethernet.ethernet)[0]
        self.where[eth.src] = in_port
        out = self.where.get(eth.dst, ofp.OFPP_FLOOD)
        actions = [parser.OFPActionOutput(out)]
        if out != ofp.OFPP_FLOOD:
            dst = {"dl_dst": bytes.fromhex(eth.dst.replace(":", ""))} if old else {"eth_dst": eth.dst}
            match = parser.OFPMatch(in_port=in_port, **dst)
            dp.send_msg(self.flow(dp, match, actions, 1))
        if ofp.OFP_VERSION == ofproto_v1_5.OFP_VERSION:
            po = parser.OFPPacketOut(dp, ofp.OFP_NO_BUFFER, parser.OFPMatch(in_port=in_port), actions, msg.data)
        else:
            po = parser.OFPPacketOut(datapath=dp, buffer_id=0xffffffff, in_port=in_port, actions=actions, data=msg.data)
        dp.send_msg(po)


def main():
    from os_ken import cfg
    from os_ken.controller import controller  # registers the options
    cfg.CONF(args=[f"--ofp-tcp-listen-port={sys.argv[1]}", "--ofp-listen-host=127.0.0.1"], project="os_ken")
    manager = app_manager.AppManager.get_instance()
    manager.load_apps(["learning_switch", "os_ken.controller.ofp_handler"])
    contexts = manager.create_contexts()
    hub.joinall(manager.instantiate_apps(**contexts))


if __name__ == "__main__":
    main()

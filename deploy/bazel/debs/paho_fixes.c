/* Two faults of Paho C, mended for all that use it (--wrap). */

/* Paho's destructor forgets the topic and payload of each message that it has not
 * sent yet, up to our whole window with every link that stalls. The step that makes
 * it forget them guards against freeing twice what its persistence restored, which
 * we don't use: so it is left out. */
void __wrap_MQTTAsync_NULLPublishCommands(void* client) { (void)client; }

/* Where a message with QoS 1 or 2 can't be written, Paho frees its topic and payload
 * and keeps it all the same, to free it again with the connection: each reset by a
 * broker in the wrong moment would be the end of the process. Reported as written, it
 * stays with what waits for an acknowledgement, and goes with the connection, whose
 * loss the next read tells. */
int __real_MQTTProtocol_startPublish(void* client, void* publish, int qos, int retained,
                                     void** message);
int __wrap_MQTTProtocol_startPublish(void* client, void* publish, int qos, int retained,
                                     void** message) {
  enum { kComplete = 0, kSocketError = -1 };
  const int result = __real_MQTTProtocol_startPublish(client, publish, qos, retained, message);
  return qos > 0 && result == kSocketError ? kComplete : result;
}

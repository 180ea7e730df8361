/* Debian's static libdbus takes listening sockets from systemd, which servers
 * alone do; fieldgate is a client. In place of libsystemd and all that it
 * needs: there are no such sockets. */
int sd_listen_fds(int unset_environment) {
  (void)unset_environment;
  return 0;
}
int sd_is_socket(int fd, int family, int type, int listening) {
  (void)fd, (void)family, (void)type, (void)listening;
  return 0;
}

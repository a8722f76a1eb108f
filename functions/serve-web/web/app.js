// The page of Somssi: what happens when. Each module does one thing.
import { startLanguage } from './language.js';
import { startSession } from './session.js';
import { startRegister, forgetSubmission } from './register.js';
import { startFollow, loadFollowed, forgetFollowed } from './follow.js';
import { startInbox, loadInbox, clearInbox, drawInbox, arrive, withdraw } from './inbox.js';
import { startSeen, setBadge } from './seen.js';
import { startLive, openLive, closeLive } from './live.js';
import { startStats } from './stats.js';

startInbox();
startSeen();
startFollow(loadInbox);
startRegister();
startLive({
  notification: arrive,
  withdrawn: withdraw,
  badge: ({ badge }) => setBadge(badge),
  reset: loadInbox,
  opened: loadInbox,
  refused: loadInbox,
});
startLanguage();
startSession({
  changed() {
    forgetSubmission();
    clearInbox('loading');
    openLive(); // before the first load, so that nothing falls between the two
    loadInbox();
    loadFollowed().then(drawInbox);
  },
  lost() {
    closeLive();
    forgetSubmission();
    forgetFollowed();
    clearInbox('out');
  },
});
startStats();

// Every word of the page. A text with one and other is chosen by the count {n}.

// The order is the order of the chips, and gives each category its cord's colour.
export const categories = {
  __proto__: null, // or a category named constructor would be known
  music: { ko: '음악', en: 'Music' },
  art: { ko: '미술', en: 'Art' },
  design: { ko: '디자인', en: 'Design' },
  programming: { ko: '프로그래밍', en: 'Programming' },
  translation: { ko: '번역', en: 'Translation' },
  language: { ko: '외국어', en: 'Languages' },
  photo: { ko: '사진', en: 'Photo' },
  video: { ko: '영상', en: 'Video' },
  writing: { ko: '글쓰기', en: 'Writing' },
  cooking: { ko: '요리', en: 'Cooking' },
  baking: { ko: '베이킹', en: 'Baking' },
  fitness: { ko: '운동', en: 'Fitness' },
  yoga: { ko: '요가', en: 'Yoga' },
  dance: { ko: '춤', en: 'Dance' },
  crafts: { ko: '공예', en: 'Crafts' },
  tarot: { ko: '타로', en: 'Tarot' },
  career: { ko: '커리어', en: 'Career' },
  business: { ko: '비즈니스', en: 'Business' },
  data: { ko: '데이터', en: 'Data' },
  pets: { ko: '반려동물', en: 'Pets' },
};

export const texts = {
  ko: {
    skip: '소식으로 건너뛰기', sections: '바로 가기', tagline: '새 솜씨가 올라오면, 바로 압니다.',
    inbox: '소식', follow: '관심 분야', register: '솜씨 올리기', stats: '통계',

    who: '사용자 고르기', quickPicks: '빠르게 고르기', userNumber: '사용자 번호', apply: '선택',
    whoNote: '개발용 화면입니다. 아무 번호나 고르세요.', youAre: '{user}번 사용자입니다',
    chooseYou: '누구로 볼까요?', signedOut: '로그아웃 상태입니다.', badUser: '1 이상의 숫자를 넣어 주세요.',
    out: '여기에 소식이 모입니다', outChoose: '먼저 위에서 사용자 번호를 고르세요.', outHelp: '로그인하면 볼 수 있습니다.',

    'live-open': '실시간', 'live-connecting': '연결 중', 'live-off': '꺼짐',

    newCount: '새 소식 {n}개', unread: '안 읽음', archive: '치우기: {title}', more: '더 보기',
    arrived: '새 솜씨: {title}', arrivedMany: '새 소식 {n}개가 왔습니다.', details: '솜씨 {talent}번 · 판매자 {seller}번 · {moment}',
    loading: '불러오는 중', emptyNoFollow: '아직 조용합니다', emptyNoFollowHelp: '관심 분야를 고르면 새 솜씨 소식이 바로 옵니다.',
    chooseCategories: '관심 분야 고르기', empty: '다 봤습니다', emptyHelp: '{list}에 새 솜씨가 올라오면 여기에 바로 나타납니다.',
    failed: '소식을 불러오지 못했습니다', tryAgain: '다시 시도', offline: '인터넷 연결을 확인해 주세요.',
    broken: '서버가 잠시 답하지 않습니다. ({status})', notDone: '반영하지 못했습니다. {why}',

    followNote: '고른 분야에 새 솜씨가 올라오면 알려 드립니다.', following: '{n}개', otherCategory: '다른 분야 (예: pottery)', add: '추가',
    followed: '{category}: 이제 소식을 받습니다.', unfollowed: '{category}: 소식을 받지 않습니다.',

    category: '분야', categoryHint: '예: 음악', title: '제목', titleHint: '예: 기타, 첫 코드부터', price: '가격', won: '원', free: '무료',
    tags: '태그', optional: '선택 · 쉼표로 구분', tagsHint: '예: 기타, 초보', send: '올리기', sending: '올리는 중…',
    sent: '올렸습니다. {talent}번 솜씨입니다.', sendAgain: '서버가 바쁩니다. {n}초 뒤에 다시 보냅니다.',
    sendGaveUp: '아직 올리지 못했습니다. 같은 내용은 두 번 올라가지 않으니 다시 눌러 주세요.', sendRefused: '고칠 곳이 있습니다.',
    badCategory: '아는 분야 이름이나, 영문 소문자·숫자·하이픈 64자까지 쓸 수 있습니다.', badTitle: '제목은 1자에서 120자까지입니다.',
    badPrice: '0원에서 10억 원까지, 숫자로 써 주세요.', badTags: '태그는 10개까지, 하나에 30자까지입니다.',

    statsTotal: '모든 솜씨', statsHour: '지난 1시간', hourAgo: '1시간 전', now: '지금', topCategories: '많은 분야',
    chart: '지난 60분 동안 새 솜씨 {n}개, 가장 많을 때 1분에 {most}개', minute: '{time} · {n}개',
    statsFailed: '{time} 기준입니다. 새 통계를 받지 못했습니다.', noStats: '통계를 받지 못했습니다.', noTalents: '첫 솜씨를 기다립니다.',
    justNow: '방금',
  },
  en: {
    skip: 'Skip to the inbox', sections: 'Sections', tagline: 'Hear of new talents the moment they appear.',
    inbox: 'Inbox', follow: 'Follow', register: 'Register', stats: 'Statistics',

    who: 'Choose a user', quickPicks: 'Quick picks', userNumber: 'User number', apply: 'Choose',
    whoNote: 'For development: any number will do.', youAre: 'You are user {user}',
    chooseYou: 'Who are you today?', signedOut: 'You are signed out.', badUser: 'Please enter a number from 1 up.',
    out: 'Your news will gather here', outChoose: 'First choose a user number above.', outHelp: 'Sign in to see it.',

    'live-open': 'Live', 'live-connecting': 'Connecting', 'live-off': 'Off',

    newCount: { one: '{n} new', other: '{n} new' }, unread: 'unread', archive: 'Archive: {title}', more: 'Show more',
    arrived: 'New talent: {title}', arrivedMany: { one: '{n} new talent', other: '{n} new talents' }, details: 'Talent {talent} · seller {seller} · {moment}',
    loading: 'Loading', emptyNoFollow: 'Quiet so far', emptyNoFollowHelp: 'Follow a category to hear of new talents at once.',
    chooseCategories: 'Choose categories', empty: 'All caught up', emptyHelp: 'New talents in {list} will show up here by themselves.',
    failed: 'The inbox did not load', tryAgain: 'Try again', offline: 'Please check your connection.',
    broken: 'The server did not answer as it should. ({status})', notDone: 'That did not go through. {why}',

    followNote: 'You hear of every new talent in what you follow.', following: '{n} followed', otherCategory: 'Another, such as pottery', add: 'Add',
    followed: '{category}: you will hear of new talents.', unfollowed: '{category}: no longer followed.',

    category: 'Category', categoryHint: 'such as Music', title: 'Title', titleHint: 'such as Guitar from the first chord', price: 'Price', won: 'KRW', free: 'Free',
    tags: 'Tags', optional: 'optional, comma separated', tagsHint: 'such as guitar, beginner', send: 'Register', sending: 'Registering…',
    sent: 'Registered as talent {talent}.', sendAgain: { one: 'The server is busy. Trying again in {n} second.', other: 'The server is busy. Trying again in {n} seconds.' },
    sendGaveUp: 'Not registered yet. Press again: the same talent is never registered twice.', sendRefused: 'Something needs a correction.',
    badCategory: 'A known name, or up to 64 lower-case letters, digits and hyphens.', badTitle: 'A title has 1 to 120 characters.',
    badPrice: 'A whole number from 0 to 1,000,000,000.', badTags: 'Up to 10 tags of up to 30 characters each.',

    statsTotal: 'All talents', statsHour: 'Last hour', hourAgo: '1 hour ago', now: 'now', topCategories: 'Top categories',
    chart: { one: '{n} new talent in the last 60 minutes, at most {most} in a minute', other: '{n} new talents in the last 60 minutes, at most {most} in a minute' },
    minute: '{time} · {n}', statsFailed: 'As of {time}. Newer statistics did not arrive.', noStats: 'Statistics did not arrive.', noTalents: 'Waiting for the first talent.',
    justNow: 'just now',
  },
};
